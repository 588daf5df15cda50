// The table of engines: which there are, which of them this processor runs, and which `auto` takes.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "landscape/engine_request.h"

namespace basin {

struct Engine {
  std::string name;
  std::string exact, fast;              // what Evaluator::precision() says of either; "": it computes no such thing
  std::string use;                      // what it is there for, where it is not what `auto` takes
  bool on_gpu = false;                  // runs on the request's devices, else on the CPU
  std::string (*obstacle)() = nullptr;  // why this build or processor cannot run it, "" if it can; null: always can
  // Of the plan's multiply-adds, those that run on its own kernels, 0 to 1; null: all of any plan. An engine of the CPU
  // runs the others too, only not faster than the engines behind it.
  double (*share)(const EngineRequest& request) = nullptr;
  bool takes_plan = true;   // else `make` gets none
  bool recomputes = false;  // takes BatchStatistics::recomputed too
  std::unique_ptr<Evaluator> (*make)(const EngineRequest& request) = nullptr;
};

// The share that makes an engine worth it: the rest runs at the speed of the next.
constexpr double kWorthwhileShare = 0.9;

// Those on GPUs, then those of the CPU, each fastest first.
std::span<const Engine> engines();
std::span<const Engine> cpu_engines();

std::string obstacle_of(const Engine& engine);

// The engine of that name. Error with the nearest name if there is none, or with its obstacle.
const Engine& find_engine(std::span<const Engine> table, const std::string& name);

// What `auto` takes: of the engines on GPUs if the request has devices, else of those on the CPU, the first without an
// obstacle that computes what is asked for and whose share of the plan is kWorthwhileShare or more. Error if there is
// none.
const Engine& best_engine(std::span<const Engine> table, const EngineRequest& request);

// Error unless the engine runs on the request's devices, in its precision and with its statistics.
void check_request(const Engine& engine, const EngineRequest& request);

// What surfaces use on this processor and why.
struct EngineReport {
  std::string name, exact, fast;
  bool available = false;
  std::string reason;  // why it is taken, when, or why not
};
// One an engine: first the one that `auto` takes first, then the others in their order. gpu_obstacle: why there is no
// GPU to compute on, "" if there is one.
std::vector<EngineReport> report_engines(std::span<const Engine> table, const std::string& gpu_obstacle);

}  // namespace basin
