// Training steps on the CPU: each call does at once what it says.
#include "core/step_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/memory_pool.h"
#include "core/image_batch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

class Counters {
 public:
  explicit Counters(const StepState& state) : values_(state.counters.as<std::int64_t>()) {}
  std::int64_t& operator[](StepCounter which) const { return values_[static_cast<std::size_t>(which)]; }
  bool skips() const { return (*this)[StepCounter::skip] != 0; }
  bool has_problem() const { return (*this)[StepCounter::problem] != 0; }

 private:
  std::int64_t* values_;
};

template <class T>
bool is_wrong(std::span<const T> logits, std::int32_t label) {
  if (label < 0 || static_cast<std::size_t>(label) >= logits.size()) return true;
  const T own = logits[static_cast<std::size_t>(label)];
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const bool below = static_cast<std::int32_t>(c) < label ? logits[c] < own : logits[c] <= own;
    if (!below) return true;  // a NaN too
  }
  return false;
}

class CpuStepKernels final : public StepKernels {
 public:
  explicit CpuStepKernels(CpuBackend& cpu) : cpu_(cpu) {}

  void load_batch(const ImageSource& source, const StepState& state, const View& x, const View& labels) override;
  void check_finite(const ConstView& losses, std::span<const ParameterUpdate> updates, const LossScaling& scaling,
                    const StepState& state) override;
  void add_to_sums(const ConstView& losses, const ConstView& logits, const ConstView& labels,
                   const StepState& state) override;
  void update(const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
              const StepState& state) override;
  void commit(std::span<const Assignment> assignments, const StepState& state) override;
  void finish_step(std::int64_t images, const StepState& state) override;

 private:
  void update_one(const OptimizerOptions& options, const ParameterUpdate& update, const ConstView& gradient,
                  const StepState& state);
  // 0, 1 where a loss is not finite, 2 + i where gradient i is not.
  std::int64_t find_problem(const ConstView& losses, std::span<const ParameterUpdate> updates);

  CpuBackend& cpu_;
};

void CpuStepKernels::load_batch(const ImageSource& source, const StepState& state, const View& x, const View& labels) {
  check_batch(source, x, labels);
  check(x.dtype == DType::f32, "load_batch: the CPU makes f32, not ", x.dtype);
  const Shape& shape = source.images.shape;
  const ImageExtents extents{shape[1], shape[2], shape[3]};
  const Counters counters(state);
  const std::int64_t begin = counters[StepCounter::begin], end = begin + labels.size();
  const auto* order = source.order.as<std::int32_t>();
  const std::int64_t length = order ? source.order.size() : shape[0];
  check(begin >= 0 && end <= length, "load_batch: places [", begin, ", ", end, ") of an epoch of ", length, " images");
  const Random random = augmentation_random(source.seed, counters[StepCounter::epoch]);
  const auto* table = source.table.as<float>();
  parallel_for(labels.size(), [&](std::int64_t i) {
    const std::int64_t image = order ? order[begin + i] : begin + i;
    check(image >= 0 && image < shape[0], "load_batch: image ", image, " of ", shape[0]);
    const std::uint8_t* pixels = source.images.as<std::uint8_t>() + image * extents.size();
    float* y = x.as<float>() + i * extents.size();
    if (source.augment)
      normalize_crop(pixels, extents, draw_placement({.padding = source.padding}, random, image), table, y);
    else
      normalize_image(pixels, extents, table, y);
    labels.as<std::int32_t>()[i] = source.labels.as<std::int32_t>()[image];
  });
}

std::int64_t CpuStepKernels::find_problem(const ConstView& losses, std::span<const ParameterUpdate> updates) {
  if (!cpu_.all_finite(losses)) return 1;
  for (std::size_t i = 0; i < updates.size(); ++i)
    if (!cpu_.all_finite(updates[i].gradient)) return 2 + static_cast<std::int64_t>(i);
  return 0;
}

void CpuStepKernels::check_finite(const ConstView& losses, std::span<const ParameterUpdate> updates,
                                  const LossScaling& scaling, const StepState& state) {
  const Counters counters(state);
  if (counters.has_problem()) return;
  const std::int64_t found = find_problem(losses, updates);
  counters[StepCounter::skip] = found != 0;
  float &scale = state.loss_scale.as<float>()[0], &steps = state.loss_scale.as<float>()[1];
  const auto smallest = static_cast<float>(scaling.smallest);
  if (found == 0) {
    if (scaling.enabled && ++steps >= static_cast<float>(scaling.growth_steps)) steps = kScaleGrows;
  } else if (scaling.enabled && scale > smallest) {
    scale = std::max(scale / 2, smallest);
    steps = 0;
  } else {
    counters[StepCounter::problem] = found;
  }
}

void CpuStepKernels::add_to_sums(const ConstView& losses, const ConstView& logits, const ConstView& labels,
                                 const StepState& state) {
  check_predictions(losses, logits, labels);
  if (Counters(state).skips()) return;
  const auto classes = static_cast<std::size_t>(logits.shape[1]);
  double loss = 0;
  std::int64_t wrong = 0;
  dispatch_float(losses.dtype, "add_to_sums", [&]<class T>(T) {
    for (std::int64_t i = 0; i < losses.size(); ++i) {
      loss += static_cast<double>(losses.as<T>()[i]);
      const T* row = logits.as<T>() + static_cast<std::size_t>(i) * classes;
      wrong += is_wrong(std::span<const T>(row, classes), labels.as<std::int32_t>()[i]);
    }
  });
  double* sums = state.sums.as<double>();
  sums[0] += loss;
  sums[1] += static_cast<double>(wrong);
  sums[2] += static_cast<double>(losses.size());
}

void CpuStepKernels::update_one(const OptimizerOptions& options, const ParameterUpdate& update,
                                const ConstView& gradient, const StepState& state) {
  const Counters counters(state);
  const double rate = state.learning_rates.as<double>()[counters[StepCounter::batches]];
  const std::int64_t updates = counters[StepCounter::updates];
  if (options.kind == OptimizerKind::sgd)
    cpu_.sgd_step(sgd_of(options, rate), updates == 0, gradient, update.parameter, update.first);
  else
    cpu_.adam_step(adam_of(options, rate, updates + 1), gradient, update.parameter, update.first, update.second);
  if (update.copy.data) cpu_.cast(update.parameter, update.copy);
}

// y = x / scale
void divide(const ConstView& x, float scale, const View& y) {
  dispatch_float(x.dtype, "update", [&]<class T>(T) {
    const T* from = x.as<T>();
    T* to = y.as<T>();
    parallel_for_blocks(x.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = from[i] / static_cast<T>(scale);
    });
  });
}

void CpuStepKernels::update(const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
                            const StepState& state) {
  check_updates(options.kind, updates);
  const Counters counters(state);
  if (counters.skips()) return;
  const std::int64_t batch = counters[StepCounter::batches], rates = state.learning_rates.size();
  check(batch >= 0 && batch < rates, "update: no learning rate for batch ", batch, " of ", rates);
  const float scale = *state.loss_scale.as<float>();
  for (const ParameterUpdate& one : updates) {
    check(one.gradient.dtype == one.parameter.dtype, "update: the CPU takes gradients of the parameter's type, found ",
          one.gradient.dtype, " for ", one.parameter.dtype);
    if (scale == 1) {
      update_one(options, one, one.gradient, state);
      continue;
    }
    const Scratch memory(static_cast<std::size_t>(one.parameter.size()) * size_of(one.parameter.dtype));
    const View gradient{memory.data(), one.parameter.dtype, one.parameter.shape};
    divide(one.gradient, scale, gradient);
    update_one(options, one, gradient, state);
  }
}

void CpuStepKernels::commit(std::span<const Assignment> assignments, const StepState& state) {
  check_assignments(assignments);
  if (Counters(state).skips()) return;
  for (const auto& [from, to] : assignments)
    cpu_.copy(to.data, from.data, static_cast<std::size_t>(to.size()) * size_of(to.dtype));
}

void CpuStepKernels::finish_step(std::int64_t images, const StepState& state) {
  const Counters counters(state);
  if (counters.has_problem()) return;
  ++counters[StepCounter::batches];
  if (!counters.skips()) ++counters[StepCounter::updates];
  counters[StepCounter::begin] += images;
  float &scale = state.loss_scale.as<float>()[0], &steps = state.loss_scale.as<float>()[1];
  if (steps != kScaleGrows) return;
  if (std::isfinite(2 * scale)) scale *= 2;
  steps = 0;
}

}  // namespace

StepKernels& CpuBackend::step_kernels() {
  static CpuStepKernels kernels(*this);
  return kernels;
}

}  // namespace basin::cpu
