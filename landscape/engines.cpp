#include "landscape/engines.h"

#include <algorithm>
#include <cmath>

#include "core/nearest.h"
#include "landscape/engine_amx.h"
#include "landscape/engine_autograd.h"
#include "landscape/engine_onednn.h"
#include "landscape/engine_vector.h"

namespace basin {
namespace {

bool covers_all(const Engine& engine) { return engine.share == nullptr; }

// When an engine without obstacle runs. `chosen`: `auto` has a faster one; `complete`: and one for every network.
std::string reason_for(const Engine& engine, bool chosen, bool complete) {
  if (complete) return engine.use + "; only by --engine " + engine.name;
  const int percent = static_cast<int>(std::lround(100 * kWorthwhileShare));
  std::string networks = chosen ? "every other network" : "every network";
  if (!covers_all(engine))
    networks = "networks with at least " + std::to_string(percent) + " % of their multiply-adds in its kernels";
  return (chosen ? "for " : "the fastest that this processor runs, for ") + networks;
}

}  // namespace

std::span<const Engine> engines() {
  static const Engine table[] = {
      {.name = "amx",
       .exact = "exact (bf16x3)",
       .fast = "fast (bf16)",
       .use = "tiles of bfloat16 products",
       .obstacle = amx_obstacle,
       .share = amx_share,
       .make = make_amx_evaluator},
      {.name = "vector",
       .exact = "exact (fp32)",
       .fast = "exact (fp32)",
       .use = "Winograd's convolutions in float32",
       .obstacle = vector_obstacle,
       .share = vector_share,
       .make = make_vector_evaluator},
      {.name = "onednn",
       .exact = "exact (fp32)",
       .fast = "exact (fp32)",
       .use = "oneDNN's float32 kernels for any network",
       .make = make_onednn_evaluator},
      {.name = "autograd",
       .exact = "exact (fp32)",
       .fast = "exact (fp32)",
       .use = "the model's own forward, which checks the other engines",
       .takes_plan = false,
       .make = [](const Plane& plane, const EvaluationSet& set,
                  auto...) { return make_autograd_evaluator(plane, set); }},
  };
  return table;
}

std::string obstacle_of(const Engine& engine) { return engine.obstacle == nullptr ? "" : engine.obstacle(); }

const Engine& find_engine(std::span<const Engine> table, const std::string& name) {
  std::vector<std::string> names{"auto"};
  for (const Engine& engine : table) names.push_back(engine.name);
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Engine& engine) { return engine.name == name; });
  if (found == table.end()) {
    const std::string near = nearest(name, names);
    std::string list;
    for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
    fail("unknown engine '", name, "'", near.empty() ? "" : "; did you mean " + near + "?", " (one of ", list, ")");
  }
  const std::string obstacle = obstacle_of(*found);
  check(obstacle.empty(), "engine ", name, ": ", obstacle);
  return *found;
}

const Engine& best_engine(std::span<const Engine> table, const Plan& plan, const State& state) {
  for (const Engine& engine : table)
    if (obstacle_of(engine).empty() && (covers_all(engine) || engine.share(plan, state) >= kWorthwhileShare))
      return engine;
  fail("engine auto: none runs ", plan.model, " on this processor");
}

std::vector<EngineReport> report_engines(std::span<const Engine> table) {
  std::vector<EngineReport> reports;
  bool chosen = false, complete = false;  // whether `auto` has an engine by now, and one for every network
  for (const Engine& engine : table) {
    const std::string obstacle = obstacle_of(engine);
    EngineReport report{engine.name, engine.exact, engine.fast, obstacle.empty(), obstacle};
    if (report.available) report.reason = reason_for(engine, chosen, complete);
    reports.insert(report.available && !chosen ? reports.begin() : reports.end(), report);
    chosen = chosen || report.available;
    complete = complete || (report.available && covers_all(engine));
  }
  return reports;
}

}  // namespace basin
