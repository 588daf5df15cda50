// The counters of training steps (StepState) in kernels.
#pragma once
#include "core/step_kernels.h"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {

struct StepCounters {
  StepCounters() = default;
  explicit StepCounters(const StepState& state) : values(global<std::int64_t>(state.counters)) {
    check(state.counters.size() == kStepCounters, "cuda: ", state.counters.shape, " counters of a training step");
  }
  __device__ std::int64_t operator[](StepCounter which) const { return values[static_cast<int>(which)]; }
  __device__ void set(StepCounter which, std::int64_t value) const { values[static_cast<int>(which)] = value; }
  __device__ bool skips() const { return (*this)[StepCounter::skip] != 0; }
  __device__ bool has_problem() const { return (*this)[StepCounter::problem] != 0; }

  Global<std::int64_t> values;
};

// The loss scale and the steps since it changed.
inline Global<float> loss_scale_of(const StepState& state) {
  check(state.loss_scale.size() == 2, "cuda: the loss scale is ", state.loss_scale.shape, ", expected (2)");
  return global<float>(state.loss_scale);
}

}  // namespace basin::cuda
