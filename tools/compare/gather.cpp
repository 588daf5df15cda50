#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/backend.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "landscape/metrics/metric_json.h"
#include "landscape/sharpness/sharpness_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "models/training/checkpoint.h"
#include "tools/compare/compare.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void add_surface(const fs::path& file, std::vector<Metric>& metrics) {
  const Surface surface = read_surface(file);
  for (const auto& [split, set] : {std::pair{"train", &surface.train}, {"test", &surface.test}}) {
    if (!*set) continue;
    for (std::size_t i = 0; i < surface.size(); ++i) {
      if (surface.x[i % surface.columns()] != 0 || (*surface.y)[i / surface.columns()] != 0 || !(*set)->valid[i])
        continue;
      metrics.push_back({std::string(split) + "_loss", (*set)->loss[i], (*set)->loss_error[i], "", "images"});
      metrics.push_back(
          {std::string(split) + "_error", 100 - (*set)->accuracy[i], (*set)->accuracy_error[i], "%", "images"});
    }
  }
  const auto found = surface.attributes.find("metrics");
  const Json json = found == surface.attributes.end() ? Json() : Json::parse(found->second, nullptr, false);
  if (!json.is_object() || !json.contains("train")) return;
  for (const Metric& metric : metrics_of_json(json["train"], "'" + file.string() + "': attribute metrics"))
    if (metric.name != "loss_center") metrics.push_back(metric);
}

void add_hessian(const fs::path& file, std::vector<Metric>& metrics) {
  const HessianReport report = read_hessian(file);
  // The larger of what Lanczos and what the images leave open.
  const auto add = [&](const char* name, const MeasuredEigenvalue& v) {
    const bool by_images = v.sampling_error >= v.numerical.residual;
    metrics.push_back({name, v.numerical.value, by_images ? v.sampling_error : v.numerical.residual, "",
                       by_images ? "images" : "residual"});
  };
  if (!report.largest.empty()) add("lambda_max", report.largest[0]);
  if (!report.smallest.empty()) add("lambda_min", report.smallest[0]);
  if (report.trace) {
    const Estimate trace = report.trace->estimate();
    metrics.push_back({"trace", trace.value, trace.error, "", "random vectors"});
  }
}

void add_map(const fs::path& file, std::vector<Metric>& metrics) {
  const HessianMap map = read_hessian_map(file);
  std::vector<double> ratios;
  double positive = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (!std::isfinite(map.ratio(i))) continue;
    ratios.push_back(map.ratio(i));
    positive += ratios.back() < 0.01 ? 1 : 0;
  }
  if (ratios.empty()) return;
  std::sort(ratios.begin(), ratios.end());
  const auto count = static_cast<double>(ratios.size());
  metrics.push_back({"map_ratio_median", ratios[ratios.size() / 2], kNaN, "", "none"});
  metrics.push_back({"map_ratio_max", ratios.back(), kNaN, "", "none"});
  metrics.push_back({"map_ratio_below_0.01", 100 * positive / count,
                     100 * std::sqrt(positive / count * (1 - positive / count) / count), "%", "points"});
}

void add_trajectory(const fs::path& file, std::vector<Metric>& metrics) {
  const Trajectory path = read_trajectory(file);
  const auto two = [](const std::vector<double>& ratio) {
    return ratio.size() >= 2 ? 100 * (ratio[0] + ratio[1]) : kNaN;
  };
  metrics.push_back({"path_variance_in_2", two(path.variance_ratio), 0, "%", "exact"});
  metrics.push_back({"random_walk_variance_in_2", two(path.random_walk_ratio), 0, "%", "exact in many dimensions"});
  double length = 0;
  for (const TrajectoryPoint& point : path.points) length = std::max(length, point.projection.length);
  metrics.push_back({"path_farthest_point", length, 0, "", "exact"});
}

void add_sharpness(const fs::path& file, std::vector<Metric>& metrics) {
  for (const SharpnessMeasure& measure : read_sharpness(file).measures) {
    if (measure.name == "loss") continue;  // the surface has it
    metrics.push_back({"sharpness_" + measure.name, measure.value, measure.error, measure.unit, measure.error_kind});
  }
}

double parameter_norm(const State& state) {
  double squares = 0;
  for (const Entry& entry : state.entries())
    if (is_parameter(entry.role)) squares += entry.value.backend().sum_of_squares(entry.value.view());
  return std::sqrt(squares);
}

}  // namespace

std::vector<Metric> gather(const Compared& network, const fs::path& folder) {
  std::vector<Metric> metrics;
  const auto add = [&](const char* end, void (*of)(const fs::path&, std::vector<Metric>&)) {
    if (const fs::path file = network.result(folder, end); fs::exists(file)) of(file, metrics);
  };
  add(".surface.h5", add_surface);
  add(".hessian.h5", add_hessian);
  add(".map.h5", add_map);
  add(".sharpness.json", add_sharpness);
  add(".trajectory.h5", add_trajectory);
  metrics.push_back(
      {"parameter_norm", parameter_norm(load_checkpoint(network.checkpoint, "", cpu_backend()).state), 0, "", "exact"});
  return metrics;
}

std::vector<std::pair<std::string, std::string>> recipe_of(const Compared& network) {
  const Checkpoint checkpoint = load_checkpoint(network.checkpoint, "", cpu_backend());
  std::vector<std::pair<std::string, std::string>> lines{{"model", checkpoint.model.name}};
  const auto config = checkpoint.metadata.find("config");
  const auto json = config == checkpoint.metadata.end() ? nlohmann::ordered_json()
                                                        : nlohmann::ordered_json::parse(config->second, nullptr, false);
  if (!json.is_object()) return lines;
  for (const auto& [name, value] : json.items())
    if (name != "model") lines.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  return lines;
}

}  // namespace basin
