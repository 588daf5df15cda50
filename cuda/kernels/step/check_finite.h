// Whether a training step may change the parameters.
#pragma once
#include <span>

#include "core/step_kernels.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// StepKernels::check_finite. Losses and gradients f32, f16 or bf16.
void check_finite(Stream stream, const ConstView& losses, std::span<const ParameterUpdate> updates,
                  const LossScaling& scaling, const StepState& state);

}  // namespace basin::cuda
