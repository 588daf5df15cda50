#include "models/training/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "models/training/evaluation.h"
#include "models/training/step_reports.h"
#include "models/training/training_step.h"

namespace basin {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::int64_t image_count(const Images& images, std::int64_t wanted, const char* flag, const std::string& dataset) {
  check(images.count > 0, "data set ", dataset, " has no images to use (", flag, ")");
  check(wanted <= images.count, flag, ": ", dataset, " has ", images.count, " images, found ", wanted);
  return wanted == 0 ? images.count : wanted;
}

class Run {
 public:
  Run(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer, Backend& backend);
  TrainingResult train();

 private:
  void start_fresh();
  void start_resumed();
  void make_optimizer_for_state();
  StepStatus saved_status(const Checkpoint& checkpoint, const std::filesystem::path& file) const;

  void run_epoch();
  void settle();
  bool finish_epoch();
  bool measure(EpochMetrics& metrics);
  void record(const EpochMetrics& metrics);
  void report_step() const;

  bool stop_asked() const { return observer_.stop && observer_.stop(); }
  [[noreturn]] void interrupt();
  [[noreturn]] void stop_at_bad_step(const std::string& what);
  Metadata metadata() const;
  void save_last();

  // Where the run stands: `epoch` epochs and `batch` batches of the next are done.
  std::int64_t epoch() const { return status_[StepCounter::epoch]; }
  std::int64_t batch() const { return steps_done() - epoch() * batches(); }
  std::int64_t steps_done() const { return status_[StepCounter::batches]; }
  std::int64_t batches() const { return (train_images_ + options_.batch - 1) / options_.batch; }
  std::int64_t images_in_epoch() const { return std::min(batch() * options_.batch, train_images_); }

  TrainingOptions options_;
  const Dataset& dataset_;
  const TrainingObserver& observer_;
  Backend& backend_;
  std::int64_t train_images_, test_images_;
  std::optional<RunFolder> folder_;
  Model model_;
  State state_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  StepStatus status_;  // the last that the host knows: of all steps after settle()
  std::optional<TrainingStep> step_;
  std::optional<EvaluationPass> test_;
  std::vector<EpochMetrics> history_;
  double seconds_ = 0;  // of this epoch's steps
  std::int64_t images_timed_ = 0;
};

Run::Run(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer, Backend& backend)
    : options_(options),
      dataset_(dataset),
      observer_(observer),
      backend_(backend),
      train_images_(image_count(dataset.train, options.train_images, "--train-images", dataset.name)),
      test_images_(image_count(dataset.test, options.test_images, "--test-images", dataset.name)) {
  validate(options_);
  activation_dtype(options_.precision, backend_);  // an Error before anything is made
  options_.device = backend_.name();
  if (options_.threads > 0) set_thread_count(options_.threads);
  if (options_.resume)
    start_resumed();
  else
    start_fresh();
  schedule_ = make_schedule(options_, batches());
  step_.emplace(model_, state_, *optimizer_, options_,
                ResidentImages(dataset.train, train_images_, dataset.normalization, backend_));
  test_.emplace(model_, state_, ResidentImages(dataset.test, test_images_, dataset.normalization, backend_),
                options_.loss);
  // The run is complete, and nothing is written, before its folder is made: a mistake leaves no trace.
  if (!options_.resume && !options_.out.empty()) folder_ = RunFolder::create(options_);
}

void Run::start_fresh() {
  if (options_.init.empty()) {
    model_ = find_model(options_.model, dataset_.classes());
    model_.image = {dataset_.train.height, dataset_.train.width, dataset_.train.channels};
    // Drawn on the CPU, whatever the device: a run's beginning depends on its seed alone.
    state_ = initialize(model_, options_.seed, cpu_backend()).on(backend_);
  } else {
    Checkpoint initial = load_checkpoint(options_.init, options_.model, cpu_backend());
    check(initial.model.classes == dataset_.classes(), options_.init.string(), ": a network of ", initial.model.classes,
          " classes, but ", dataset_.name, " has ", dataset_.classes());
    model_ = std::move(initial.model);
    state_ = initial.state.on(backend_);
    options_.model = model_.name;
  }
  status_ = first_status(options_.precision);
  make_optimizer_for_state();
}

void Run::start_resumed() {
  folder_ = RunFolder::open(options_.out);
  const std::filesystem::path file = folder_->last();
  Checkpoint last = load_checkpoint(file, "", cpu_backend());
  check(last.dataset == dataset_.name, file.string(), ": trained on ", last.dataset, ", but the data set is ",
        dataset_.name);
  check(last.metadata["config"] == recipe_json(options_).dump(), file.string(), ": its configuration is not that of ",
        folder_->config().string());
  model_ = std::move(last.model);
  state_ = last.state.on(backend_);
  make_optimizer_for_state();
  load_optimizer(file, last, *optimizer_);
  status_ = saved_status(last, file);
  if (std::filesystem::exists(folder_->metrics())) history_ = truncate_metrics(folder_->metrics(), epoch());
}

StepStatus Run::saved_status(const Checkpoint& checkpoint, const std::filesystem::path& file) const {
  const auto integer = [&](const char* field) { return metadata_integer(checkpoint.metadata, field, file); };
  const std::int64_t epochs = integer("epoch"), batch = integer("batch"), steps = epochs * batches() + batch;
  check(epochs >= 0 && batch >= 0 && batch <= batches() && integer("step") == steps, file.string(),
        ": field step: expected ", steps, " for epoch ", epochs, " and batch ", batch, " of ", batches(), ", found ",
        integer("step"));
  StepStatus status;
  status[StepCounter::batches] = steps;
  status[StepCounter::updates] = optimizer_->steps();
  status[StepCounter::epoch] = epochs;
  status[StepCounter::begin] = std::min(batch * options_.batch, train_images_);
  status.sums = {metadata_number(checkpoint.metadata, "loss_sum", file), static_cast<double>(integer("wrong")),
                 static_cast<double>(status[StepCounter::begin])};
  if (options_.precision == Precision::fp16) {
    const auto number = [&](const char* field) {
      return static_cast<float>(metadata_number(checkpoint.metadata, field, file));
    };
    status.sums[2] = static_cast<double>(integer("summed_images"));
    status.loss_scale = {number("loss_scale"), number("loss_scale_steps")};
  } else {
    check(optimizer_->steps() == steps, file.string(), ": ", optimizer_->steps(), " updates in ", steps, " steps");
  }
  return status;
}

void Run::make_optimizer_for_state() {
  std::vector<std::string> names;
  for (const Entry& entry : state_.entries())
    if (is_parameter(entry.role)) names.push_back(entry.name);
  optimizer_ = make_optimizer(options_.optimizer, names, state_.parameters());
}

TrainingResult Run::train() {
  if (observer_.start) observer_.start(options_, model_, epoch() * train_images_ + images_in_epoch());
  if (history_.empty() && steps_done() == 0) {
    EpochMetrics before;
    if (!measure(before)) interrupt();
    record(before);
  }
  while (epoch() < options_.epochs) run_epoch();
  TrainingResult result{.model = model_, .state = state_, .history = history_};
  if (folder_) {
    result.last = folder_->last();
    if (std::filesystem::exists(folder_->best())) result.best = folder_->best();
  }
  return result;
}

void Run::run_epoch() {
  step_->start_epoch(status_);
  StepReports reports([this] { return step_->start_report(); }, &backend_ == &cpu_backend(),
                      [this](const StepStatus& status) {
                        status_ = status;
                        if (status[StepCounter::problem] != 0) settle();
                        report_step();
                      });
  const Clock::time_point start = Clock::now();
  const std::int64_t images_before = images_in_epoch();
  for (std::int64_t next = batch(); next < batches(); ++next) {
    if (stop_asked()) {
      settle();
      interrupt();
    }
    step_->run(step_->batch_images(next));
    reports.step_done();
  }
  const std::int64_t reported = steps_done();
  settle();
  seconds_ = seconds_since(start);
  images_timed_ = images_in_epoch() - images_before;
  if (steps_done() > reported) report_step();
  if (!finish_epoch()) interrupt();
}

// Waits for all steps: the host knows where the run stands. Where one was bad, those after it changed nothing.
void Run::settle() {
  status_ = step_->settle();
  if (const std::string problem = step_->problem(status_); !problem.empty()) stop_at_bad_step(problem);
}

// False: stopped during the test; then the epoch's steps are done and its end is not.
bool Run::finish_epoch() {
  EpochMetrics metrics{
      .epoch = epoch() + 1,
      .train_loss = status_.loss(),
      .train_error = status_.error(),
      .learning_rate = schedule_.learning_rate(steps_done() - 1),
      .seconds = seconds_,
      .images_per_second = images_timed_ > 0 ? static_cast<double>(images_timed_) / seconds_ : kNotMeasured};
  if (!measure(metrics)) return false;
  ++status_[StepCounter::epoch];
  status_[StepCounter::begin] = 0;
  status_.sums = {};
  record(metrics);
  return true;
}

// Fills in what is measured on the state itself. False: stopped.
bool Run::measure(EpochMetrics& metrics) {
  double squares = 0;
  for (const Tensor& parameter : state_.parameters()) squares += parameter.backend().sum_of_squares(parameter.view());
  metrics.parameter_norm = std::sqrt(squares);
  metrics.test_loss = metrics.test_error = kNotMeasured;
  if (metrics.epoch % options_.test_every != 0 && metrics.epoch != options_.epochs) return true;
  const auto tested = test_->run([this] { return stop_asked(); });
  if (!tested) return false;
  metrics.test_loss = tested->loss;
  metrics.test_error = tested->error;
  return true;
}

// The metrics go first and last.safetensors comes last: resuming drops what is newer than it and makes it again.
void Run::record(const EpochMetrics& metrics) {
  double best = std::numeric_limits<double>::infinity();
  for (const EpochMetrics& earlier : history_)
    if (earlier.epoch > 0 && earlier.test_error < best) best = earlier.test_error;
  history_.push_back(metrics);
  if (folder_) {
    append_metrics(folder_->metrics(), metrics);
    const bool keep = metrics.epoch == 0 || (options_.save_every > 0 && metrics.epoch % options_.save_every == 0);
    if (keep) save_checkpoint(folder_->epoch(metrics.epoch), model_, state_, metadata());
    if (metrics.epoch > 0 && metrics.test_error < best) save_checkpoint(folder_->best(), model_, state_, metadata());
    save_last();
  }
  if (observer_.epoch) observer_.epoch(metrics);
}

void Run::report_step() const {
  if (!observer_.step) return;
  observer_.step({.epoch = epoch() + 1,
                  .batch = batch(),
                  .batches = batches(),
                  .images = epoch() * train_images_ + images_in_epoch(),
                  .total_images = options_.epochs * train_images_,
                  .loss = status_.loss(),
                  .error = status_.error(),
                  .learning_rate = schedule_.learning_rate(steps_done() - 1)});
}

void Run::interrupt() {
  if (folder_) save_last();
  throw Interrupted();
}

void Run::stop_at_bad_step(const std::string& what) {
  if (folder_) save_last();
  fail("training stopped at epoch ", epoch() + 1, ", batch ", batch() + 1, " of ", batches(), ": ", what,
       folder_ ? "; " + folder_->last().string() + " holds the state before this step" : std::string(),
       " (a lower --lr or a longer --warmup may help)");
}

// Nothing here depends on time or threads: equal runs write equal files.
Metadata Run::metadata() const {
  Metadata result{{"dataset", dataset_.name},
                  {"epoch", std::to_string(epoch())},
                  {"batch", std::to_string(batch())},
                  {"step", std::to_string(steps_done())},
                  {"loss_sum", fmt::format("{}", status_.sums[0])},
                  {"wrong", std::to_string(std::llround(status_.sums[1]))},
                  {"seed", std::to_string(options_.seed)},
                  {"config", recipe_json(options_).dump()},
                  {"version", options_.version}};
  if (options_.precision == Precision::fp16) {  // there are steps without an update
    result["updates"] = std::to_string(status_[StepCounter::updates]);
    result["summed_images"] = std::to_string(std::llround(status_.sums[2]));
    result["loss_scale"] = fmt::format("{}", status_.loss_scale[0]);
    result["loss_scale_steps"] = fmt::format("{}", status_.loss_scale[1]);
  }
  if (batch() > 0 || history_.empty()) return result;  // the last test was of another state
  const EpochMetrics& measured = history_.back();
  for (const auto& [name, value] : {std::pair{"train_loss", measured.train_loss},
                                    {"train_error", measured.train_error},
                                    {"test_loss", measured.test_loss},
                                    {"test_error", measured.test_error}})
    if (std::isfinite(value)) result[name] = fmt::format("{}", value);
  return result;
}

void Run::save_last() { save_resumable(folder_->last(), model_, state_, *optimizer_, metadata()); }

}  // namespace

TrainingResult train(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer,
                     Backend& backend) {
  return Run(options, dataset, observer, backend).train();
}

}  // namespace basin
