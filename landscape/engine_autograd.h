// The check of all engines: the model's own forward at each point.
#pragma once
#include <memory>

#include "landscape/evaluator.h"

namespace basin {

// The arguments are checked by make_evaluator. The precision is that of the state, the threads are the back end's own.
std::unique_ptr<Evaluator> make_autograd_evaluator(const Plane& plane, const EvaluationSet& set);

}  // namespace basin
