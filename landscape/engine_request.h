// What make_evaluator asks of an engine.
#pragma once
#include <memory>
#include <vector>

#include "landscape/evaluator.h"
#include "models/plan.h"

namespace basin {

// Checked by make_evaluator: engines find all arguments in order.
struct EngineRequest {
  Plane plane = {};
  EvaluationSet set = {};
  std::shared_ptr<const Plan> plan = {};  // null where it is not needed
  LandscapePrecision precision = LandscapePrecision::automatic;
  int threads = 1;
  std::vector<Backend*> devices = {};  // none: the CPU
  std::int64_t chunk = 64;             // points at once on a GPU, at most
};

}  // namespace basin
