// The check of all engines: the model's own forward at each point.
#pragma once
#include <memory>

#include "landscape/evaluator.h"

namespace basin {

// The arguments are checked by make_evaluator. The back end's own threads are used.
std::unique_ptr<Evaluator> make_autograd_evaluator(const Plane& plane, const EvaluationSet& set, int threads);

}  // namespace basin
