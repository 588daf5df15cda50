// The portable CPU engine: oneDNN float32 with fused epilogues, a block of images through the whole network while hot
// in the second-level cache, one grid point per thread.
#pragma once
#include <memory>

#include "landscape/evaluator.h"
#include "models/plan.h"

namespace basin {

// The arguments are checked by make_evaluator. threads >= 1. It computes in float32 whatever the precision.
std::unique_ptr<Evaluator> make_onednn_evaluator(const Plane& plane, const EvaluationSet& set,
                                                 std::shared_ptr<const Plan> plan, LandscapePrecision precision,
                                                 int threads);

}  // namespace basin
