// Plans (core/plan.h) of networks: traced from recorded operations, and run by the reference operations.
#pragma once
#include "core/plan.h"
#include "models/registry.h"

namespace basin {

// Throws Error naming the operation that cannot be planned.
Plan trace(const Model& model, const State& state);

// Runs the plan stage by stage with the reference operations of core: the check of the tracer and the oracle of the
// engines. x (N, H, W, C) -> logits (N, classes), in the dtype of x and state.
Tensor run_plan(const Plan& plan, const State& state, const Tensor& x);

}  // namespace basin
