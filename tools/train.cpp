// basin train: trains a network and keeps it in a run folder.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "models/training/trainer.h"
#include "tools/command.h"
#include "tools/devices/devices.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

// The flags as typed. Names of choices are parsed when the command runs, so that their errors are Basin's.
struct Flags {
  TrainingOptions options;
  std::string optimizer, schedule, loss, precision, device, data, out, init, resume;
  std::optional<int> threads;
  bool quiet = false, json = false;
};

void add_recipe_flags(CLI::App& command, Flags& f) {
  TrainingOptions& o = f.options;
  command.add_option("--model", o.model, "Network (resnet56, resnet56-noshort, vgg9, ...)")->capture_default_str();
  command.add_option("--epochs", o.epochs, "Passes over the training images")->capture_default_str();
  command.add_option("--batch", o.batch, "Images per step")->capture_default_str();
  command.add_option("--optimizer", f.optimizer, "sgd, adam or adamw")->default_val(name_of(o.optimizer.kind));
  command.add_option("--lr", o.learning_rate,
                     "Highest learning rate [0.1 for sgd (0.01 for resnet110-noshort), 0.001 for adam and adamw]");
  command.add_option("--momentum", o.optimizer.momentum, "Of sgd")->capture_default_str();
  command.add_flag("--nesterov,!--no-nesterov", o.optimizer.nesterov, "Nesterov momentum [on]");
  command.add_option("--weight-decay", o.optimizer.weight_decay, "Of every parameter")->capture_default_str();
  command.add_option("--schedule", f.schedule, "step, cosine, one-cycle or constant")->default_val(name_of(o.schedule));
  command
      .add_option("--milestones", o.milestones,
                  "Epochs after which the step schedule divides the learning rate by ten "
                  "[150,225,275 of 300 epochs, in proportion for other --epochs]")
      ->delimiter(',');
  command.add_option("--warmup", o.warmup, "Epochs of linear warm-up")->capture_default_str();
  command.add_option("--loss", f.loss, "cross-entropy or mse (of softmax and one-hot)")->default_val(name_of(o.loss));
  command.add_option("--label-smoothing", o.label_smoothing, "Of cross-entropy")->capture_default_str();
  command.add_flag("--augment,!--no-augment", o.augment, "Random crop with padding 4 and mirroring [on]");
  command.add_option("--train-images", o.train_images, "Only the first N training images (0: all)")
      ->capture_default_str();
  command.add_option("--test-images", o.test_images, "Only the first N test images (0: all)")->capture_default_str();
  command.add_option("--seed", o.seed, "Of initialisation, order and augmentation")->capture_default_str();
  command.add_option("--precision", f.precision, "fp32, bf16, or fp16 (--device cuda)")
      ->default_val(name_of(o.precision));
  command.add_option("--init", f.init, "Start from this checkpoint's weights");
  command.add_option("--test-every", o.test_every, "Epochs between tests")->capture_default_str();
  command.add_option("--save-every", o.save_every, "Epochs between kept checkpoints (0: first, last and best only)")
      ->capture_default_str();
}

void add_run_flags(CLI::App& command, Flags& f) {
  command.add_option("--data", f.data, "CIFAR-10/100 binary folder or image folder [the synthetic set]");
  command.add_option("--out", f.out, "The run's folder [runs/<model>]");
  command.add_flag("--force", f.options.overwrite, "Replace the run that the folder holds");
  command.add_option("--resume", f.resume, "Continue the run in this folder, with its configuration");
  command.add_option("--device", f.device, "auto (a GPU that can be used, else the CPU), cpu, cuda or cuda:N [auto]");
  command.add_option("--threads", f.threads, "0: one per processor");
  command.add_flag("--quiet", f.quiet, "No progress");
  command.add_flag("--json", f.json, "The result as one JSON object on stdout");
}

// Flags that a resumed run may be given: they do not change what it computes, or (--device) only its rounding.
void check_resumable(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    const bool allowed = name == "--resume" || name == "--device" || name == "--threads" || name == "--data" ||
                         name == "--quiet" || name == "--json" || name == "--help";
    check(allowed || option->count() == 0, "--resume continues with the run's own configuration; ", name,
          " cannot be changed");
  }
}

TrainingOptions options_of(const CLI::App& command, Flags& f) {
  if (!f.resume.empty()) {
    check_resumable(command);
    TrainingOptions options = resume_options(f.resume);
    if (!f.data.empty()) options.data = f.data;
    if (!f.device.empty()) options.device = f.device;
    if (f.threads) options.threads = *f.threads;
    return options;
  }
  TrainingOptions options = f.options;
  options.optimizer.kind = parse_optimizer(f.optimizer);
  options.schedule = parse_schedule(f.schedule);
  options.loss = parse_objective(f.loss);
  options.precision = parse_precision(f.precision);
  options.data = f.data.empty() ? fs::path() : fs::absolute(f.data);
  options.init = f.init;
  options.device = f.device.empty() ? "auto" : f.device;
  options.threads = f.threads.value_or(0);
  if (!f.init.empty() && command.count("--model") == 0) options.model.clear();
  options.out = !f.out.empty() ? fs::path(f.out) : fs::path("runs") / (options.model.empty() ? "run" : options.model);
  return options;
}

void print_configuration(const TrainingOptions& options, const Dataset& dataset, const std::string& device_reason) {
  fmt::print(stderr, "{:18} {} ({} train, {} test images, {} classes)\n", "dataset", dataset.name, dataset.train.count,
             dataset.test.count, dataset.classes());
  const auto fields = to_json(options);
  for (const auto& [name, value] : fields.items())
    if (!(value.is_string() && value.get<std::string>().empty()))
      fmt::print(stderr, "{:18} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  fmt::print(stderr, "{:18} {}\n", "why this device", device_reason);
  fmt::print(stderr, "{:18} {}\n", "threads in use", thread_count());
  fmt::print(stderr, "{:18} {}\n\n", "out", options.out.string());
}

// Follows a run on stderr.
class Console {
 public:
  Console(const Dataset& dataset, std::string device_reason, bool quiet)
      : dataset_(dataset), device_reason_(std::move(device_reason)), quiet_(quiet) {}

  TrainingObserver observer() {
    return {.start = [this](const auto& options, const auto&, std::int64_t done) { start(options, done); },
            .step = [this](const StepReport& report) { step(report); },
            .epoch = [this](const EpochMetrics& metrics) { epoch(metrics); },
            .stop = interrupted};
  }
  void finish() {
    if (progress_) progress_->finish();
  }

 private:
  void start(const TrainingOptions& options, std::int64_t done) {
    epochs_ = options.epochs;
    if (!quiet_) print_configuration(options, dataset_, device_reason_);
    const std::int64_t images = options.train_images > 0 ? options.train_images : dataset_.train.count;
    progress_.emplace("train", "images", epochs_ * images, quiet_, done);
  }
  void step(const StepReport& report) {
    progress_->update(report.images, fmt::format("epoch {}/{}, loss {:.4f}, error {:.2f} %", report.epoch, epochs_,
                                                 report.loss, report.error));
  }
  void epoch(const EpochMetrics& m) const {
    if (quiet_) return;
    if (m.epoch > 0)
      fmt::print(stderr, "\repoch {:3}  train loss {:.4f} error {:5.2f} %  ", m.epoch, m.train_loss, m.train_error);
    else
      fmt::print(stderr, "before training  ");
    if (std::isfinite(m.test_error))
      fmt::print(stderr, "test loss {:.4f} error {:5.2f} %  ", m.test_loss, m.test_error);
    if (m.epoch > 0) fmt::print(stderr, "lr {:.4g}  {:.0f} images/s  ", m.learning_rate, m.images_per_second);
    fmt::print(stderr, "|theta| {:.3f}\n", m.parameter_norm);
  }

  const Dataset& dataset_;
  std::string device_reason_;
  bool quiet_;
  std::int64_t epochs_ = 0;
  std::optional<Progress> progress_;
};

void print_result(const TrainingResult& result, const TrainingOptions& options, bool json) {
  const EpochMetrics& last = result.history.back();
  const std::string data = options.data.empty() ? "" : " --data " + options.data.string();
  if (json) {
    auto object = nlohmann::ordered_json::parse(to_json_line(last));
    object["model"] = result.model.name;
    object["last"] = result.last.string();
    object["best"] = result.best.string();
    object["config"] = to_json(options);
    fmt::print("{}\n", object.dump());
    return;
  }
  fmt::print("{} after {} epochs: train loss {:.4f}, error {:.2f} %; test loss {:.4f}, error {:.2f} %\n",
             result.model.name, last.epoch, last.train_loss, last.train_error, last.test_loss, last.test_error);
  fmt::print("run:  {}\nlast: {}\n", options.out.string(), result.last.string());
  if (!result.best.empty()) fmt::print("best: {}\n", result.best.string());
  fmt::print("next: basin surface {}{} --images 1000 --x=-1:1:21 --y=-1:1:21 --out {}\n", result.last.string(), data,
             (options.out / "surface.h5").string());
}

void run(const CLI::App& command, Flags& flags) {
  TrainingOptions options = options_of(command, flags);
  options.version = version_text();
  validate(options);
  std::string device_reason;
  Backend& backend = select_backend(options.device, &device_reason);
  options.device = backend.name();
  const Dataset dataset = load_dataset(options.data);
  Console console(dataset, std::move(device_reason), flags.quiet);
  try {
    const TrainingResult result = train(options, dataset, console.observer(), backend);
    console.finish();
    print_result(result, options, flags.json);
  } catch (const Interrupted&) {
    fmt::print(stderr, "\ninterrupted; continue with: basin train --resume {}\n", options.out.string());
    throw;
  }
}

}  // namespace

void add_train_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "Train a network (the defaults are the 300-epoch recipe)");
  const auto flags = std::make_shared<Flags>();
  add_recipe_flags(*command, *flags);
  add_run_flags(*command, *flags);
  command->callback([command, flags] { run(*command, *flags); });
}

}  // namespace basin
