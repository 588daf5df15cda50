// The engines on GPUs: chunks of points on one device or several (core/grid_engine.h), the next one under way while the
// results of the last are taken.
#pragma once
#include <memory>

#include "landscape/engine_request.h"

namespace basin {

// 1 where every device has a resident kernel for the plan, in 16 bits; else 0.
double resident_share(const EngineRequest& request);

// Fast computes in float16. A point at which a value was too large for it is evaluated again with activations scaled
// down by powers of two, then in bfloat16, then in float32 by the generic kernels, until its result can be trusted: a
// point's result depends on nothing but the point. Where a device is lost, the others compute its points; the Error of
// the last one is thrown once the results of all others have been given to `done`. Error unless the state is float32.
std::unique_ptr<Evaluator> make_resident_evaluator(const EngineRequest& request);
// Exact computes in float32, products as three of tf32.
std::unique_ptr<Evaluator> make_generic_evaluator(const EngineRequest& request);

}  // namespace basin
