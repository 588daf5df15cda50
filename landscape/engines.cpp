#include "landscape/engines.h"

#include <algorithm>
#include <cmath>

#include "core/nearest.h"
#include "landscape/engine_amx.h"
#include "landscape/engine_autograd.h"
#include "landscape/engine_device.h"
#include "landscape/engine_onednn.h"
#include "landscape/engine_vector.h"

namespace basin {
namespace {

bool covers_all(const Engine& engine) { return engine.share == nullptr; }

// Does the engine compute what the request asks for, wherever it runs?
bool computes(const Engine& engine, const EngineRequest& request) {
  const bool exact = request.precision == LandscapePrecision::exact;
  return (!exact || !engine.exact.empty()) && (request.set.statistics == BatchStatistics::stored || engine.recomputes);
}

// When an engine without obstacle runs. `chosen`: `auto` has a faster one; `complete`: and one for every network.
std::string reason_for(const Engine& engine, bool chosen, bool complete) {
  if (complete) return engine.use + "; only by --engine " + engine.name;
  const int percent = static_cast<int>(std::lround(100 * kWorthwhileShare));
  std::string networks = chosen ? "every other network" : "every network";
  if (!covers_all(engine))
    networks = "networks with at least " + std::to_string(percent) + " % of their multiply-adds in its kernels";
  return (chosen ? "for "
                 : std::string("the fastest ") + (engine.on_gpu ? "on a GPU" : "that this processor runs") + ", for ") +
         networks;
}

// The reports of the engines on GPUs, or of those on the CPU.
std::vector<EngineReport> report_group(std::span<const Engine> table, bool on_gpu, const std::string& gpu_obstacle) {
  std::vector<EngineReport> reports;
  bool chosen = false, complete = false;  // whether `auto` has an engine by now, and one for every network
  for (const Engine& engine : table) {
    if (engine.on_gpu != on_gpu) continue;
    const std::string obstacle = on_gpu ? gpu_obstacle : obstacle_of(engine);
    EngineReport report{engine.name, engine.exact, engine.fast, obstacle.empty(), obstacle};
    if (report.available) report.reason = reason_for(engine, chosen, complete);
    reports.insert(report.available && !chosen ? reports.begin() : reports.end(), report);
    chosen = chosen || report.available;
    complete = complete || (report.available && covers_all(engine));
  }
  return reports;
}

}  // namespace

std::span<const Engine> engines() {
  static const Engine table[] = {
      {.name = "resident",
       .exact = "",
       .fast = "fast (fp16)",
       .use = "narrow ResNets in the shared memory of a GPU",
       .on_gpu = true,
       .share = resident_share,
       .make = make_resident_evaluator},
      {.name = "generic",
       .exact = "exact (3xtf32)",
       .fast = "fast (fp16)",
       .use = "any network on the tensor cores of a GPU",
       .on_gpu = true,
       .recomputes = true,
       .make = make_generic_evaluator},
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
       .recomputes = true,
       .make = make_autograd_evaluator},
  };
  return table;
}

std::span<const Engine> cpu_engines() {
  const std::span<const Engine> table = engines();
  const auto first = std::find_if(table.begin(), table.end(), [](const Engine& engine) { return !engine.on_gpu; });
  return table.subspan(static_cast<std::size_t>(first - table.begin()));
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

const Engine& best_engine(std::span<const Engine> table, const EngineRequest& request) {
  for (const Engine& engine : table)
    if (engine.on_gpu == !request.devices.empty() && obstacle_of(engine).empty() && computes(engine, request) &&
        (covers_all(engine) || engine.share(request) >= kWorthwhileShare))
      return engine;
  fail("engine auto: none runs ", request.plan ? request.plan->model : request.plane.model->name, " on ",
       request.devices.empty() ? "this processor" : request.devices.front()->name());
}

void check_request(const Engine& engine, const EngineRequest& request) {
  if (engine.on_gpu) {
    check(!request.devices.empty(), "engine ", engine.name, ": runs on GPUs, not on the CPU (--device cuda)");
  } else {
    check(request.devices.empty(), "engine ", engine.name, ": runs on the CPU, not on ",
          request.devices.empty() ? "" : request.devices.front()->name(), " (--device cpu)");
  }
  check(request.precision != LandscapePrecision::exact || !engine.exact.empty(), "engine ", engine.name, ": computes ",
        engine.fast, ", not exact");
  check(request.set.statistics == BatchStatistics::stored || engine.recomputes, "engine ", engine.name,
        ": batch-norm statistics are not recomputed by it");
  check(!engine.on_gpu || covers_all(engine) || engine.share(request) > 0, "engine ", engine.name,
        ": has no kernels for ", request.plan->model, "; --engine generic has");
}

std::vector<EngineReport> report_engines(std::span<const Engine> table, const std::string& gpu_obstacle) {
  std::vector<EngineReport> reports = report_group(table, true, gpu_obstacle);
  const std::vector<EngineReport> on_cpu = report_group(table, false, gpu_obstacle);
  reports.insert(gpu_obstacle.empty() ? reports.end() : reports.begin(), on_cpu.begin(), on_cpu.end());
  return reports;
}

}  // namespace basin
