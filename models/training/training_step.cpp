#include "models/training/training_step.h"

#include <algorithm>
#include <cmath>

#include "core/cpu/compute.h"
#include "data/preprocess.h"
#include "models/training/evaluation.h"

namespace basin {
namespace {

constexpr float kFirstLossScale = 65536;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 27;  // of a run: their learning rates take 1 GiB

// The arithmetic of the CPU's convolutions until the end of the scope.
class ComputeScope {
 public:
  explicit ComputeScope(Compute compute) { set_compute(compute); }
  ~ComputeScope() { set_compute(Compute::f32); }
  ComputeScope(const ComputeScope&) = delete;
  ComputeScope& operator=(const ComputeScope&) = delete;
};

bool has_half_copy(Role role) { return role == Role::weight || role == Role::bias; }
bool is_statistic(Role role) { return role == Role::running_mean || role == Role::running_variance; }

std::vector<double> learning_rates(const TrainingOptions& options, std::int64_t batches) {
  check(options.epochs <= kMostSteps / batches, "--epochs: a run has at most ", kMostSteps, " steps, found ",
        options.epochs, " epochs of ", batches);
  const Schedule schedule = make_schedule(options, batches);
  std::vector<double> rates(static_cast<std::size_t>(options.epochs * batches));
  for (std::size_t i = 0; i < rates.size(); ++i) rates[i] = schedule.learning_rate(static_cast<std::int64_t>(i));
  return rates;
}

std::int64_t batch_count(std::int64_t images, std::int64_t batch) { return (images + batch - 1) / batch; }

}  // namespace

DType activation_dtype(Precision precision, const Backend& backend) {
  if (precision == Precision::fp32) return DType::f32;
  const DType half = precision == Precision::fp16 ? DType::f16 : DType::bf16;
  if (backend.computes(half)) return half;
  check(precision == Precision::bf16, "--precision fp16: ", backend.name(),
        " does not compute in it; use --device cuda, or --precision bf16 or fp32");
  check(bf16_supported(), "--precision bf16: ", bf16_obstacle());
  return DType::f32;
}

StepStatus first_status(Precision precision) {
  StepStatus status;
  if (precision == Precision::fp16) status.loss_scale[0] = kFirstLossScale;
  return status;
}

TrainingStep::TrainingStep(const Model& model, State& state, Optimizer& optimizer, const TrainingOptions& options,
                           ResidentImages images)
    : model_(model),
      state_(state),
      optimizer_(optimizer),
      options_(options),
      images_(std::move(images)),
      backend_(images_.backend()),
      dtype_(activation_dtype(options.precision, backend_)),
      order_(Tensor::empty({images_.count()}, DType::i32, backend_)),
      memory_(learning_rates(options_, batch_count(images_.count(), options_.batch)), backend_) {
  make_working_state();
  // The last batch may be a smaller one. Recorded now: nothing is made while an epoch runs.
  for (const std::int64_t size : {batch_images(0), batch_images(batches() - 1)})
    if (!recorded_.contains(size)) recorded_[size] = backend_.record([this, size] { compute(size); });
}

void TrainingStep::make_working_state() {
  working_ = state_;
  for (Entry& entry : working_.entries()) {
    if (!is_parameter(entry.role)) continue;
    const bool half = dtype_ != DType::f32 && has_half_copy(entry.role);
    if (half) entry.value = cast(entry.value, dtype_).detach();
    copies_.push_back(half ? entry.value.mutable_view() : View{});
  }
  leaves_ = working_.parameters();
}

std::int64_t TrainingStep::batches() const { return batch_count(images_.count(), options_.batch); }
std::int64_t TrainingStep::batch_images(std::int64_t batch) const {
  return std::min(options_.batch, images_.count() - batch * options_.batch);
}

void TrainingStep::start_epoch(const StepStatus& status) {
  const auto shuffle = shuffled(images_.count(), options_.seed, status[StepCounter::epoch]);
  const std::vector<std::int32_t> order(shuffle.begin(), shuffle.end());
  backend_.copy_from_host(order_.mutable_view().data, order.data(), order.size() * sizeof order[0]);
  memory_.write(status);
}

void TrainingStep::run(std::int64_t images) { recorded_.at(images)->run(); }

TrainingStep::Losses TrainingStep::forward_batch(std::int64_t images, State& working) const {
  ImageSource source = images_.source();
  source.order = order_.view();
  source.augment = options_.augment;
  source.seed = options_.seed;
  const Tensor x = Tensor::empty(images_.batch_shape(images), dtype_, backend_);
  Losses result{.labels = Tensor::empty({images}, DType::i32, backend_), .logits = {}, .losses = {}};
  backend_.step_kernels().load_batch(source, memory_.state(), x.mutable_view(), result.labels.mutable_view());
  result.logits = cast(forward(model_, working, x, Mode::train), DType::f32);
  result.losses = image_losses(result.logits, result.labels, options_.loss, options_.label_smoothing);
  return result;
}

// One update, or, where the loss or a gradient is not finite, none.
void TrainingStep::compute(std::int64_t images) {
  const ComputeScope arithmetic(options_.precision == Precision::bf16 && dtype_ == DType::f32 ? Compute::bf16
                                                                                              : Compute::f32);
  const StepState state = memory_.state();
  const LossScaling scaling{.enabled = options_.precision == Precision::fp16};
  State working = working_;  // handles: training replaces the running statistics, it does not change them
  Losses batch = forward_batch(images, working);
  GradientOptions seeded;
  if (scaling.enabled) {
    seeded.seed = Tensor::empty({}, DType::f32, backend_);
    backend_.copy(seeded.seed.mutable_view().data, state.loss_scale.data, sizeof(float));
  }
  const Tensors gradients = gradient(mean(batch.losses), leaves_, seeded);
  // The graph is released before the parameters change.
  batch.losses = batch.losses.detach();
  batch.logits = batch.logits.detach();

  StepKernels& kernels = backend_.step_kernels();
  const std::vector<ParameterUpdate> parameters = updates(gradients);
  kernels.check_finite(batch.losses.view(), parameters, scaling, state);
  kernels.add_to_sums(batch.losses.view(), batch.logits.view(), batch.labels.view(), state);
  kernels.update(optimizer_.options(), parameters, state);
  kernels.commit(new_statistics(working), state);
  kernels.finish_step(images, state);
}

std::vector<ParameterUpdate> TrainingStep::updates(const Tensors& gradients) const {
  std::vector<ParameterUpdate> result = optimizer_.updates();
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].gradient = gradients[i].view();
    result[i].copy = copies_[i];
  }
  return result;
}

std::vector<Assignment> TrainingStep::new_statistics(const State& working) const {
  std::vector<Assignment> result;
  for (std::size_t i = 0; i < state_.entries().size(); ++i)
    if (is_statistic(state_.entries()[i].role))
      result.push_back({working.entries()[i].value.view(), state_.entries()[i].value.mutable_view()});
  return result;
}

StepStatus TrainingStep::settle() {
  const StepStatus status = memory_.read();
  const std::int64_t updates = status[StepCounter::updates];
  for (Entry& entry : state_.entries()) {
    if (entry.role != Role::batches_tracked) continue;
    const std::int64_t tracked = entry.value.to_vector<std::int64_t>().front() + updates - optimizer_.steps();
    entry.value = Tensor::from<std::int64_t>({}, std::vector{tracked}, entry.value.backend());
  }
  optimizer_.set_steps(updates);
  return status;
}

std::string TrainingStep::problem(const StepStatus& status) const {
  constexpr std::int64_t kBadLoss = 1, kFirstGradient = 2;
  const std::int64_t problem = status[StepCounter::problem];
  if (problem == 0) return {};
  if (problem > kBadLoss) {
    std::int64_t i = problem - kFirstGradient;
    for (const Entry& entry : state_.entries())
      if (is_parameter(entry.role) && i-- == 0) return "the gradient of " + entry.name + " is not finite";
  }
  // Nothing has changed since, so that the same batch gives the same losses again.
  const Recording off(false);
  State working = working_;
  const std::int64_t images = std::min(options_.batch, images_.count() - status[StepCounter::begin]);
  double total = 0;
  for (const float loss : forward_batch(images, working).losses.to_vector<float>()) total += static_cast<double>(loss);
  return std::isnan(total) ? "the loss is NaN" : "the loss is infinite";
}

}  // namespace basin
