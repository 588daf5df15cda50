// The check of all engines: the model's own forward at each point.
#pragma once
#include <memory>

#include "landscape/engine_request.h"

namespace basin {

// The precision is that of the state, the threads are the back end's own.
std::unique_ptr<Evaluator> make_autograd_evaluator(const EngineRequest& request);

}  // namespace basin
