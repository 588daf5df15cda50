#include "models/training/options.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/choice.h"

namespace basin {
namespace {

using Json = nlohmann::ordered_json;

constexpr Choice<Precision> kPrecisions[] = {
    {"fp32", Precision::fp32}, {"bf16", Precision::bf16}, {"fp16", Precision::fp16}};

// Li et al. 2018 (reference tool's main.py): the learning rate falls after these epochs of 300.
constexpr double kRecipeEpochs = 300;
constexpr double kRecipeMilestones[] = {150, 225, 275};

// Reads the fields of one configuration file.
class Reader {
 public:
  Reader(const Json& json, std::filesystem::path file) : json_(json), file_(std::move(file)) {
    check(json_.is_object(), file_.string(), ": expected a JSON object, found ", json_.type_name());
  }

  template <class T>
  void read(const char* name, T& value) const {
    const Json& field = find(name);
    if constexpr (std::is_same_v<T, bool>)
      expect(field.is_boolean(), name, "true or false", field);
    else if constexpr (std::is_unsigned_v<T>)
      expect(field.is_number_unsigned(), name, "an integer from 0", field);
    else if constexpr (std::is_integral_v<T>)
      expect(field.is_number_integer(), name, "an integer", field);
    else if constexpr (std::is_floating_point_v<T>)
      expect(field.is_number(), name, "a number", field);
    else
      expect(field.is_string(), name, "text", field);
    value = field.get<T>();
  }
  void read(const char* name, std::filesystem::path& value) const {
    std::string text;
    read(name, text);
    value = text;
  }
  void read(const char* name, std::vector<double>& values) const {
    const Json& field = find(name);
    expect(field.is_array() && std::all_of(field.begin(), field.end(), [](const Json& v) { return v.is_number(); }),
           name, "a list of numbers", field);
    values = field.get<std::vector<double>>();
  }
  template <class Enum>
  void read(const char* name, Enum& value, Enum (*parse)(std::string_view)) const {
    std::string text;
    read(name, text);
    try {
      value = parse(text);
    } catch (const Error& error) {
      fail(file_.string(), ": field ", name, ": ", error.what());
    }
  }

 private:
  const Json& find(const char* name) const {
    check(json_.contains(name), file_.string(), ": field ", name, " is missing");
    return json_[name];
  }
  void expect(bool right, const char* name, const char* expected, const Json& found) const {
    check(right, file_.string(), ": field ", name, ": expected ", expected, ", found ", found.dump());
  }

  const Json& json_;
  std::filesystem::path file_;
};

// Warm-up and milestones may end within an epoch.
std::int64_t steps_of(double epochs, std::int64_t steps_per_epoch) {
  return std::llround(epochs * static_cast<double>(steps_per_epoch));
}

}  // namespace

Precision parse_precision(std::string_view name) { return parse_choice("precision", name, kPrecisions); }
std::string name_of(Precision precision) { return choice_name(precision, kPrecisions); }

double recipe_learning_rate(const TrainingOptions& options) {
  if (options.optimizer.kind != OptimizerKind::sgd) return 1e-3;
  return options.model == "resnet110-noshort" ? 0.01 : 0.1;
}

std::vector<double> milestones(const TrainingOptions& options) {
  if (!options.milestones.empty()) return options.milestones;
  std::vector<double> scaled;
  for (const double epoch : kRecipeMilestones)
    scaled.push_back(epoch * static_cast<double>(options.epochs) / kRecipeEpochs);
  return scaled;
}

Schedule make_schedule(const TrainingOptions& options, std::int64_t steps_per_epoch) {
  Schedule schedule{.kind = options.schedule,
                    .peak = options.learning_rate.value_or(recipe_learning_rate(options)),
                    .steps = options.epochs * steps_per_epoch,
                    .warmup = steps_of(options.warmup, steps_per_epoch)};
  for (const double epoch : milestones(options)) schedule.milestones.push_back(steps_of(epoch, steps_per_epoch));
  return schedule;
}

void validate(const TrainingOptions& o) {
  check(o.epochs >= 0, "--epochs: expected 0 or more, found ", o.epochs);
  check(o.batch >= 1, "--batch: expected 1 or more, found ", o.batch);
  check(!o.learning_rate || (*o.learning_rate >= 0 && std::isfinite(*o.learning_rate)),
        "--lr: expected a finite number from 0, found ", o.learning_rate.value_or(0));
  check(o.optimizer.momentum >= 0 && o.optimizer.momentum < 1, "--momentum: expected 0 <= momentum < 1, found ",
        o.optimizer.momentum);
  check(o.optimizer.weight_decay >= 0 && std::isfinite(o.optimizer.weight_decay),
        "--weight-decay: expected a finite number from 0, found ", o.optimizer.weight_decay);
  check(o.label_smoothing >= 0 && o.label_smoothing < 1, "--label-smoothing: expected 0 <= value < 1, found ",
        o.label_smoothing);
  check(o.label_smoothing == 0 || o.loss == Objective::cross_entropy,
        "--label-smoothing goes with --loss cross-entropy");
  check(o.milestones.empty() || o.schedule == ScheduleKind::step, "--milestones goes with --schedule step");
  check(std::is_sorted(o.milestones.begin(), o.milestones.end()) && (o.milestones.empty() || o.milestones.front() >= 0),
        "--milestones: expected ascending epochs from 0");
  check(o.warmup >= 0 && o.warmup <= static_cast<double>(o.epochs), "--warmup: expected 0 to ", o.epochs,
        " epochs, found ", o.warmup);
  check(o.train_images >= 0, "--train-images: expected 0 (all) or more, found ", o.train_images);
  check(o.test_images >= 0, "--test-images: expected 0 (all) or more, found ", o.test_images);
  check(o.threads >= 0, "--threads: expected 0 (one per processor) or more, found ", o.threads);
  check(o.test_every >= 1, "--test-every: expected 1 or more, found ", o.test_every);
  check(o.save_every >= 0, "--save-every: expected 0 (never) or more, found ", o.save_every);
}

Json recipe_json(const TrainingOptions& o) {
  return {{"model", o.model},
          {"epochs", o.epochs},
          {"batch", o.batch},
          {"optimizer", name_of(o.optimizer.kind)},
          {"learning_rate", o.learning_rate.value_or(recipe_learning_rate(o))},
          {"momentum", o.optimizer.momentum},
          {"nesterov", o.optimizer.nesterov},
          {"weight_decay", o.optimizer.weight_decay},
          {"beta1", o.optimizer.beta1},
          {"beta2", o.optimizer.beta2},
          {"epsilon", o.optimizer.epsilon},
          {"schedule", name_of(o.schedule)},
          {"milestones", o.schedule == ScheduleKind::step ? milestones(o) : std::vector<double>{}},
          {"warmup", o.warmup},
          {"loss", name_of(o.loss)},
          {"label_smoothing", o.label_smoothing},
          {"augment", o.augment},
          {"train_images", o.train_images},
          {"test_images", o.test_images},
          {"seed", o.seed},
          {"precision", name_of(o.precision)},
          {"init", o.init.string()}};
}

Json to_json(const TrainingOptions& o) {
  Json json = recipe_json(o);
  json["device"] = o.device;
  json["threads"] = o.threads;
  json["test_every"] = o.test_every;
  json["save_every"] = o.save_every;
  json["data"] = o.data.string();
  return json;
}

TrainingOptions training_options(const Json& json, const std::filesystem::path& file) {
  const Reader reader(json, file);
  TrainingOptions o;
  double learning_rate = 0;
  reader.read("model", o.model);
  reader.read("epochs", o.epochs);
  reader.read("batch", o.batch);
  reader.read("optimizer", o.optimizer.kind, parse_optimizer);
  reader.read("learning_rate", learning_rate);
  reader.read("momentum", o.optimizer.momentum);
  reader.read("nesterov", o.optimizer.nesterov);
  reader.read("weight_decay", o.optimizer.weight_decay);
  reader.read("beta1", o.optimizer.beta1);
  reader.read("beta2", o.optimizer.beta2);
  reader.read("epsilon", o.optimizer.epsilon);
  reader.read("schedule", o.schedule, parse_schedule);
  reader.read("milestones", o.milestones);
  reader.read("warmup", o.warmup);
  reader.read("loss", o.loss, parse_objective);
  reader.read("label_smoothing", o.label_smoothing);
  reader.read("augment", o.augment);
  reader.read("train_images", o.train_images);
  reader.read("test_images", o.test_images);
  reader.read("seed", o.seed);
  reader.read("precision", o.precision, parse_precision);
  reader.read("init", o.init);
  reader.read("device", o.device);
  reader.read("threads", o.threads);
  reader.read("test_every", o.test_every);
  reader.read("save_every", o.save_every);
  reader.read("data", o.data);
  o.learning_rate = learning_rate;
  validate(o);
  return o;
}

}  // namespace basin
