// The table of engines: which there are, which of them this processor runs, and which `auto` takes.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "landscape/evaluator.h"
#include "models/plan.h"

namespace basin {

struct Engine {
  std::string name;
  std::string exact, fast;              // what Evaluator::precision() says of either
  std::string use;                      // what it is there for, where it is not what `auto` takes
  std::string (*obstacle)() = nullptr;  // why this build or processor cannot run it, "" if it can; null: always can
  // Of the plan's multiply-adds, those that run on its own kernels, 0 to 1; null: all of any plan. An engine runs the
  // others too, only not faster than the engines behind it.
  double (*share)(const Plan& plan, const State& state) = nullptr;
  bool takes_plan = true;  // else `make` gets none
  // The other arguments are checked by make_evaluator. threads >= 1.
  std::unique_ptr<Evaluator> (*make)(const Plane& plane, const EvaluationSet& set, std::shared_ptr<const Plan> plan,
                                     LandscapePrecision precision, int threads) = nullptr;
};

// The share that makes an engine worth it: the rest runs at the speed of the next.
constexpr double kWorthwhileShare = 0.9;

// Fastest first.
std::span<const Engine> engines();

std::string obstacle_of(const Engine& engine);

// The engine of that name. Error with the nearest name if there is none, or with its obstacle.
const Engine& find_engine(std::span<const Engine> table, const std::string& name);

// What `auto` takes: the first without an obstacle whose share of the plan is kWorthwhileShare or more. Error if there
// is none.
const Engine& best_engine(std::span<const Engine> table, const Plan& plan, const State& state);

// What surfaces use on this processor and why.
struct EngineReport {
  std::string name, exact, fast;
  bool available = false;
  std::string reason;  // why it is taken, when, or why not
};
// One an engine: first the one that `auto` takes first, then the others in their order.
std::vector<EngineReport> report_engines(std::span<const Engine> table);

}  // namespace basin
