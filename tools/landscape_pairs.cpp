// Several pairs of directions: a surface each, and their mean, spread and quantiles.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "landscape/metrics/metric_json.h"
#include "landscape/pair_statistics.h"
#include "tools/landscape_run.h"
#include "tools/output.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// s.h5 -> s.pair2.h5
std::string pair_file(const RunFlags& flags, std::int64_t pair) {
  return fs::path(flags.out).replace_extension(fmt::format(".pair{}.h5", pair)).string();
}

RunFlags flags_of_pair(const RunFlags& flags, std::int64_t pair) {
  RunFlags result = flags;
  const bool plane = !flags.y.empty();
  result.pairs = 1;
  result.x_index += static_cast<std::uint64_t>(plane ? 2 * pair : pair);
  result.y_index += static_cast<std::uint64_t>(plane ? 2 * pair : 0);
  result.out = pair_file(flags, pair);
  result.landscape.json = false;
  return result;
}

std::vector<Metric> metrics_of(const std::vector<Surface>& pairs, std::optional<SurfaceValues> Surface::*set) {
  std::vector<std::vector<Metric>> all;
  for (const Surface& pair : pairs) all.push_back(surface_metrics(pair, *(pair.*set)));
  return mean_metrics(all);
}

}  // namespace

void run_landscape_pairs(const RunFlags& flags) {
  check(flags.to.empty() && flags.to2.empty() && flags.direction_file.empty(),
        "--pairs: of random directions; not together with --to or --direction-file");
  check(!flags.adaptive, "--pairs: not together with --adaptive, whose points differ from pair to pair");
  std::vector<Surface> pairs;
  Json files = Json::array(), configurations = Json::array();
  for (std::int64_t pair = 0; pair < flags.pairs; ++pair) {
    {
      std::optional<OutputToErrors> redirected;
      if (flags.landscape.json) redirected.emplace();
      run_landscape(flags_of_pair(flags, pair));
    }
    pairs.push_back(read_surface(pair_file(flags, pair)));
    files.push_back(fs::path(pair_file(flags, pair)).filename().string());
    configurations.push_back(Json::parse(pairs.back().attributes["configuration"]));
  }
  Surface mean = mean_surface(pairs);
  const std::string configuration = Json{{"pairs", configurations}}.dump();
  holds_result(flags.out, configuration, flags.force, {flags.landscape.checkpoint});  // or says that it does not
  mean.attributes = pairs[0].attributes;
  mean.attributes["configuration"] = configuration;
  mean.attributes["pairs"] = files.dump();
  mean.direction_file = pairs[0].direction_file;
  Json metrics;
  if (mean.train) metrics["train"] = metrics_json(metrics_of(pairs, &Surface::train));
  if (mean.test) metrics["test"] = metrics_json(metrics_of(pairs, &Surface::test));
  mean.attributes["metrics"] = metrics.dump();
  write_surface(flags.out, mean);
  if (flags.landscape.json) {
    fmt::print("{}\n", Json{{"out", flags.out}, {"pairs", files}, {"metrics", metrics}}.dump());
    return;
  }
  fmt::print("\nmean of {} {} and its standard error over them:\n", flags.pairs,
             flags.y.empty() ? "directions" : "pairs of directions");
  for (const auto& [set, list] : metrics.items())
    for (const Metric& metric : metrics_of_json(list, set)) fmt::print("{}\n", metric_line(metric));
  fmt::print("written: {} ({})\n", flags.out, fmt::join(files.get<std::vector<std::string>>(), ", "));
}

}  // namespace basin
