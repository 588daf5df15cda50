// The bends of a curve: trained, kept while they are, and saved as checkpoints.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "core/interrupt.h"
#include "landscape/recomputed_statistics.h"
#include "tools/curve/curve.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSaveInterval{30};  // a killed run loses at most this much

Backend& training_backend(const LandscapeFlags& flags) {
  const EvaluatorOptions options = evaluator_options(flags);
  return options.devices.empty() ? cpu_backend() : *options.devices.front();
}

std::string hash_of(const Images& images) {
  std::string bytes(images.pixels.begin(), images.pixels.end());
  bytes.append(reinterpret_cast<const char*>(images.labels.data()), images.labels.size() * sizeof(images.labels[0]));
  return sha256(bytes);
}

// A running mean over the last hundred steps or so.
class RecentMean {
 public:
  void add(double value) {
    weight_ = kDecay * weight_ + 1;
    sum_ = kDecay * sum_ + value;
  }
  double value() const { return sum_ / weight_; }

 private:
  static constexpr double kDecay = 0.99;
  double sum_ = 0, weight_ = 0;
};

}  // namespace

bool has_batch_norm(const State& state) {
  for (const Entry& entry : state.entries())
    if (entry.role == Role::running_mean) return true;
  return false;
}

BendTraining::BendTraining(const CurveFlags& flags, const Model& model)
    : flags_(flags), model_(model), backend_(training_backend(flags.landscape)) {
  validate(flags.training);
  Dataset dataset = load_dataset(flags.landscape.data, {.image_extent = model.image[0]});
  const std::int64_t count = flags.train_images > 0 ? flags.train_images : dataset.train.count;
  check(count <= dataset.train.count, "--train-images ", count, ": the train split has ", dataset.train.count);
  images_ = count == dataset.train.count ? std::move(dataset.train) : dataset.train.first(count);
  normalization_ = dataset.normalization;
}

nlohmann::json BendTraining::configuration() const {
  const CurveTrainingOptions& o = flags_.training;
  return {{"bends", flags_.bends},    {"epochs", o.epochs},
          {"batch", o.batch},         {"learning_rate", o.learning_rate},
          {"momentum", o.momentum},   {"weight_decay", o.weight_decay},
          {"augment", o.augment},     {"seed", o.seed},
          {"images", images_.count},  {"sha256", hash_of(images_)},
          {"device", backend_.name()}};
}

Curve BendTraining::train(const Curve& start, const std::string& progress_file,
                          const std::string& configuration) const {
  CurveTrainingOptions options = flags_.training;
  options.loss = parse_objective(flags_.landscape.loss);
  CurveTraining training(model_, start, images_, normalization_, backend_, options);
  if (std::filesystem::exists(progress_file)) training.restore(progress_file, configuration);
  Progress progress("training", "steps", training.steps(), flags_.landscape.quiet, training.done());
  RecentMean loss;
  Clock::time_point saved = Clock::now();
  while (training.done() < training.steps()) {
    if (interrupted()) {
      training.save(progress_file, configuration);
      fmt::print(stderr, "\ninterrupted: {} of {} steps are in '{}'; to go on: {}\n", training.done(), training.steps(),
                 progress_file, resume_command());
      throw Interrupted();
    }
    loss.add(training.step());
    progress.update(training.done(), fmt::format("loss {:.4f}", loss.value()));
    if (Clock::now() - saved < kSaveInterval) continue;
    training.save(progress_file, configuration);
    saved = Clock::now();
  }
  progress.finish();
  training.save(progress_file, configuration);
  Curve curve = training.curve();
  if (!has_batch_norm(curve.points.front())) return curve;
  const PreparedImages batches(images_, normalization_, std::min(flags_.landscape.statistics_batch, images_.count));
  for (std::size_t k = 1; k + 1 < curve.points.size(); ++k)
    curve.points[k] = with_recomputed_statistics(model_, curve.points[k].on(backend_), batches).on(cpu_backend());
  return curve;
}

}  // namespace basin
