// The check of all engines: the model's own forward at each point.
#pragma once
#include <memory>

#include "landscape/evaluator.h"
#include "models/plan.h"

namespace basin {

// The arguments are checked by make_evaluator. No plan is needed, the precision is that of the state, and the back
// end's own threads are used.
std::unique_ptr<Evaluator> make_autograd_evaluator(const Plane& plane, const EvaluationSet& set,
                                                   std::shared_ptr<const Plan> plan, LandscapePrecision precision,
                                                   int threads);

}  // namespace basin
