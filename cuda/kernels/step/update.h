// Optimizer steps on all parameters in few launches: SGD (Sutskever et al. 2013 as PyTorch writes it), Adam (Kingma, Ba
// 2015, algorithm 1), AdamW (Loshchilov, Hutter 2019).
#pragma once
#include <span>

#include "core/step_kernels.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// StepKernels::update. Parameters and state f32; gradients f32, f16 or bf16, each with a copy of its own type or none.
void update(Stream stream, const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
            const StepState& state);
// Of the launches of update().
Cost update_cost(OptimizerKind kind, std::span<const ParameterUpdate> updates);

// Backend::sgd_step and adam_step: the same kernels on one tensor, with the host's learning rate and counts.
void sgd_step(Stream stream, const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
              const View& momentum);
void adam_step(Stream stream, const AdamStep& step, const ConstView& gradient, const View& parameter,
               const View& first_moment, const View& second_moment);

}  // namespace basin::cuda
