// The end of a training step: what it commits and counts.
#pragma once
#include <span>

#include "core/step_kernels.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// StepKernels::commit and finish_step.
void commit(Stream stream, std::span<const Assignment> assignments, const StepState& state);
void finish_step(Stream stream, std::int64_t images, const StepState& state);

}  // namespace basin::cuda
