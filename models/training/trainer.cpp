#include "models/training/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "core/cpu/compute.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "data/preprocess.h"
#include "models/training/evaluation.h"

namespace basin {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The arithmetic of convolutions and matrix products until the end of the scope.
class ComputeScope {
 public:
  explicit ComputeScope(Precision precision) {
    set_compute(precision == Precision::bf16 ? Compute::bf16 : Compute::f32);
  }
  ~ComputeScope() { set_compute(Compute::f32); }
  ComputeScope(const ComputeScope&) = delete;
  ComputeScope& operator=(const ComputeScope&) = delete;
};

// Where a run stands: `epoch` epochs and `batch` batches of the next are done, with these sums over those batches.
struct Position {
  std::int64_t epoch = 0, batch = 0;
  LossSum sum = {};
};

std::int64_t image_count(const Images& images, std::int64_t wanted, const char* flag, const std::string& dataset) {
  check(images.count > 0, "data set ", dataset, " has no images to use (", flag, ")");
  check(wanted <= images.count, flag, ": ", dataset, " has ", images.count, " images, found ", wanted);
  return wanted == 0 ? images.count : wanted;
}

class Run {
 public:
  Run(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer);
  TrainingResult train();

 private:
  void start_fresh();
  void start_resumed();
  void make_optimizer_for_state();

  void run_epoch();
  void step(std::span<const std::int64_t> indices);
  LossSum forward_backward(std::span<const std::int64_t> indices, Tensors& gradients);
  Tensor load_batch(std::span<const std::int64_t> indices);
  std::string not_finite(double loss, const Tensors& gradients) const;
  bool finish_epoch();
  bool measure(EpochMetrics& metrics);
  void record(const EpochMetrics& metrics);
  void report_step() const;

  bool stop_asked() const { return observer_.stop && observer_.stop(); }
  [[noreturn]] void interrupt();
  [[noreturn]] void stop_at_bad_step(const std::string& what);
  Metadata metadata() const;
  void save_last();

  std::int64_t batches() const { return (train_images_ + options_.batch - 1) / options_.batch; }
  std::int64_t steps_done() const { return position_.epoch * batches() + position_.batch; }
  std::int64_t images_in_epoch() const { return std::min(position_.batch * options_.batch, train_images_); }

  TrainingOptions options_;
  const Dataset& dataset_;
  const TrainingObserver& observer_;
  std::int64_t train_images_, test_images_;
  std::optional<RunFolder> folder_;
  Model model_;
  State state_;
  Tensors parameters_;  // handles of the state's
  std::vector<std::string> names_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  Position position_;
  std::vector<EpochMetrics> history_;
  std::vector<float> pixels_;  // the batch on the host
  std::vector<std::int32_t> labels_;
  double seconds_ = 0;  // of this epoch's steps
  std::int64_t images_timed_ = 0;
};

Run::Run(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer)
    : options_(options),
      dataset_(dataset),
      observer_(observer),
      train_images_(image_count(dataset.train, options.train_images, "--train-images", dataset.name)),
      test_images_(image_count(dataset.test, options.test_images, "--test-images", dataset.name)) {
  validate(options_);
  check(options_.precision == Precision::fp32 || bf16_supported(), "--precision bf16: ", bf16_obstacle());
  if (options_.threads > 0) set_thread_count(options_.threads);
  if (options_.resume)
    start_resumed();
  else
    start_fresh();
  schedule_ = make_schedule(options_, batches());
}

// The state is complete, and nothing is written, before the folder is made: a mistake leaves no trace.
void Run::start_fresh() {
  if (options_.init.empty()) {
    model_ = find_model(options_.model, dataset_.classes());
    model_.image = {dataset_.train.height, dataset_.train.width, dataset_.train.channels};
    state_ = initialize(model_, options_.seed, cpu_backend());
  } else {
    Checkpoint initial = load_checkpoint(options_.init, options_.model, cpu_backend());
    check(initial.model.classes == dataset_.classes(), options_.init.string(), ": a network of ", initial.model.classes,
          " classes, but ", dataset_.name, " has ", dataset_.classes());
    model_ = std::move(initial.model);
    state_ = std::move(initial.state);
    options_.model = model_.name;
  }
  make_optimizer_for_state();
  if (!options_.out.empty()) folder_ = RunFolder::create(options_);
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
  state_ = std::move(last.state);
  make_optimizer_for_state();
  load_optimizer(file, last, *optimizer_);
  position_ = {.epoch = metadata_integer(last.metadata, "epoch", file),
               .batch = metadata_integer(last.metadata, "batch", file),
               .sum = {.loss = metadata_number(last.metadata, "loss_sum", file),
                       .wrong = metadata_integer(last.metadata, "wrong", file)}};
  check(position_.epoch >= 0 && position_.batch >= 0 && position_.batch <= batches() &&
            steps_done() == optimizer_->steps(),
        file.string(), ": field step: expected ", steps_done(), " for epoch ", position_.epoch, " and batch ",
        position_.batch, " of ", batches(), ", found ", optimizer_->steps());
  if (std::filesystem::exists(folder_->metrics())) history_ = truncate_metrics(folder_->metrics(), position_.epoch);
}

void Run::make_optimizer_for_state() {
  parameters_ = state_.parameters();
  for (const Entry& entry : state_.entries())
    if (is_parameter(entry.role)) names_.push_back(entry.name);
  optimizer_ = make_optimizer(options_.optimizer, names_, parameters_);
}

TrainingResult Run::train() {
  if (observer_.start) observer_.start(options_, model_, position_.epoch * train_images_ + images_in_epoch());
  if (history_.empty() && steps_done() == 0) {
    EpochMetrics before;
    if (!measure(before)) interrupt();
    record(before);
  }
  while (position_.epoch < options_.epochs) run_epoch();
  TrainingResult result{.model = model_, .state = state_, .history = history_};
  if (folder_) {
    result.last = folder_->last();
    if (std::filesystem::exists(folder_->best())) result.best = folder_->best();
  }
  return result;
}

void Run::run_epoch() {
  const auto order = shuffled(train_images_, options_.seed, position_.epoch);
  seconds_ = 0;
  images_timed_ = 0;
  while (position_.batch < batches()) {
    if (stop_asked()) interrupt();
    const std::int64_t begin = position_.batch * options_.batch;
    const std::int64_t size = std::min(options_.batch, train_images_ - begin);
    const Clock::time_point start = Clock::now();
    step(std::span(order).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size)));
    seconds_ += seconds_since(start);
    images_timed_ += size;
    report_step();
  }
  if (!finish_epoch()) interrupt();
}

// One update, or, where the loss or a gradient is not finite, none.
void Run::step(std::span<const std::int64_t> indices) {
  const State before = state_;  // handles: training replaces the running statistics, it does not change them
  Tensors gradients;
  const ComputeScope compute(options_.precision);
  const LossSum sum = forward_backward(indices, gradients);
  if (const std::string problem = not_finite(sum.loss, gradients); !problem.empty()) {
    state_ = before;
    stop_at_bad_step(problem);
  }
  optimizer_->step(gradients, schedule_.learning_rate(steps_done()));
  position_.sum.loss += sum.loss;
  position_.sum.wrong += sum.wrong;
  ++position_.batch;
}

// Everything the graph holds is released on return, before the parameters change.
LossSum Run::forward_backward(std::span<const std::int64_t> indices, Tensors& gradients) {
  const Tensor x = load_batch(indices);
  const Tensor labels = Tensor::from<std::int32_t>({x.dim(0)}, labels_, cpu_backend());
  const Tensor logits = forward(model_, state_, x, Mode::train);
  const Tensor losses = image_losses(logits, labels, options_.loss, options_.label_smoothing);
  const LossSum sum = sum_losses(losses, logits, labels_);
  if (std::isfinite(sum.loss)) gradients = gradient(mean(losses), parameters_);
  return sum;
}

Tensor Run::load_batch(std::span<const std::int64_t> indices) {
  const Images& images = dataset_.train;
  const auto size = static_cast<std::int64_t>(indices.size());
  pixels_.resize(static_cast<std::size_t>(size * images.image_size()));
  if (options_.augment)
    augment(images, dataset_.normalization, {}, options_.seed, position_.epoch, indices, pixels_.data());
  else
    normalize(images, dataset_.normalization, indices, pixels_.data());
  labels_.clear();
  for (const std::int64_t index : indices) labels_.push_back(images.labels[static_cast<std::size_t>(index)]);
  return Tensor::from<float>({size, images.height, images.width, images.channels}, pixels_, cpu_backend());
}

// What is wrong with a step, "" if nothing.
std::string Run::not_finite(double loss, const Tensors& gradients) const {
  if (!std::isfinite(loss)) return std::isnan(loss) ? "the loss is NaN" : "the loss is infinite";
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (!gradients[i].backend().all_finite(gradients[i].view()))
      return "the gradient of " + names_[i] + " is not finite";
  return {};
}

// False: stopped during the test; then the epoch's steps are done and its end is not.
bool Run::finish_epoch() {
  const double images = static_cast<double>(train_images_);
  EpochMetrics metrics{.epoch = position_.epoch + 1,
                       .train_loss = position_.sum.loss / images,
                       .train_error = 100 * static_cast<double>(position_.sum.wrong) / images,
                       .learning_rate = schedule_.learning_rate(steps_done() - 1),
                       .seconds = seconds_,
                       .images_per_second = static_cast<double>(images_timed_) / seconds_};
  if (!measure(metrics)) return false;
  position_ = {.epoch = position_.epoch + 1};
  record(metrics);
  return true;
}

// Fills in what is measured on the state itself. False: stopped.
bool Run::measure(EpochMetrics& metrics) {
  double squares = 0;
  for (const Tensor& parameter : parameters_) squares += parameter.backend().sum_of_squares(parameter.view());
  metrics.parameter_norm = std::sqrt(squares);
  metrics.test_loss = metrics.test_error = kNotMeasured;
  if (metrics.epoch % options_.test_every != 0 && metrics.epoch != options_.epochs) return true;
  const auto tested = evaluate(model_, state_, dataset_.test, test_images_, dataset_.normalization, options_.loss,
                               [this] { return stop_asked(); });
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
  const double seen = static_cast<double>(images_in_epoch());
  observer_.step({.epoch = position_.epoch + 1,
                  .batch = position_.batch,
                  .batches = batches(),
                  .images = position_.epoch * train_images_ + images_in_epoch(),
                  .total_images = options_.epochs * train_images_,
                  .loss = position_.sum.loss / seen,
                  .error = 100 * static_cast<double>(position_.sum.wrong) / seen,
                  .learning_rate = schedule_.learning_rate(steps_done() - 1)});
}

void Run::interrupt() {
  if (folder_) save_last();
  throw Interrupted();
}

void Run::stop_at_bad_step(const std::string& what) {
  if (folder_) save_last();
  fail("training stopped at epoch ", position_.epoch + 1, ", batch ", position_.batch + 1, " of ", batches(), ": ",
       what, folder_ ? "; " + folder_->last().string() + " holds the state before this step" : std::string(),
       " (a lower --lr or a longer --warmup may help)");
}

// Nothing here depends on time or threads: equal runs write equal files.
Metadata Run::metadata() const {
  Metadata result{{"dataset", dataset_.name},
                  {"epoch", std::to_string(position_.epoch)},
                  {"batch", std::to_string(position_.batch)},
                  {"step", std::to_string(steps_done())},
                  {"loss_sum", fmt::format("{}", position_.sum.loss)},
                  {"wrong", std::to_string(position_.sum.wrong)},
                  {"seed", std::to_string(options_.seed)},
                  {"config", recipe_json(options_).dump()},
                  {"version", options_.version}};
  if (position_.batch > 0 || history_.empty()) return result;  // the last test was of another state
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

TrainingResult train(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer) {
  return Run(options, dataset, observer).train();
}

}  // namespace basin
