// What training and evaluation report: losses and errors of an epoch so far.
#pragma once
#include "core/step_kernels.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// StepKernels::add_to_sums. Losses and logits f32.
void add_to_sums(Stream stream, const ConstView& losses, const ConstView& logits, const ConstView& labels,
                 const StepState& state);

}  // namespace basin::cuda
