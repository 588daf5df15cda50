// Paths of training by themselves: in the plane, and what it leaves out.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/plot/plot.h"
#include "tools/plotting/chart.h"

namespace basin {
namespace {

constexpr double kRateDrop = 0.5;  // a learning rate that falls this much between two points falls in a step

std::vector<std::string> run_names(const Trajectory& trajectory) {
  const auto found = trajectory.attributes.find("runs");
  const auto json =
      found == trajectory.attributes.end() ? nlohmann::json() : nlohmann::json::parse(found->second, nullptr, false);
  std::vector<std::string> names;
  for (const TrajectoryPoint& point : trajectory.points) {
    const auto run = static_cast<std::size_t>(point.run);
    for (; names.size() <= run; names.emplace_back()) {
    }
    if (json.is_array() && run < json.size() && json[run].is_string()) names[run] = json[run].get<std::string>();
  }
  return names;
}

// One series a run of a number of each point, over epochs.
template <class Value>
std::vector<ChartSeries> series_of(const Trajectory& trajectory, const std::string& suffix, bool dashed, Value value) {
  const std::vector<std::string> names = run_names(trajectory);
  std::vector<ChartSeries> all;
  for (std::size_t run = 0; run < names.size(); ++run)
    all.push_back({.name = (names.size() > 1 ? names[run] + " " : "") + suffix,
                   .x = {},
                   .y = {},
                   .low = {},
                   .high = {},
                   .color = static_cast<int>(run),
                   .dashed = dashed});
  std::vector<std::int64_t> count(names.size(), 0);
  for (const TrajectoryPoint& point : trajectory.points) {
    const auto run = static_cast<std::size_t>(point.run);
    const std::int64_t place = count[run]++;
    all[run].x.push_back(static_cast<double>(point.epoch >= 0 ? point.epoch : place));
    all[run].y.push_back(value(point));
  }
  return all;
}

void append(std::vector<ChartSeries>& to, std::vector<ChartSeries> series) {
  to.insert(to.end(), series.begin(), series.end());
}

Chart plane_chart(const Trajectory& trajectory) {
  const auto [x, y] = component_labels(trajectory.variance_ratio);
  Chart chart{.title = "Path in the plane", .x_label = x, .y_label = y, .series = {}};
  const std::vector<std::string> names = run_names(trajectory);
  for (std::size_t run = 0; run < names.size(); ++run) {
    ChartSeries line{.name = names.size() > 1 ? names[run] : "",
                     .x = {},
                     .y = {},
                     .low = {},
                     .high = {},
                     .color = static_cast<int>(run)};
    for (const TrajectoryPoint& point : trajectory.points)
      if (static_cast<std::size_t>(point.run) == run) {
        line.x.push_back(point.projection.x);
        line.y.push_back(point.projection.y);
      }
    ChartSeries points = line;
    points.name.clear();
    points.style = SeriesStyle::points;
    chart.series.push_back(std::move(line));
    chart.series.push_back(std::move(points));
  }
  return chart;
}

}  // namespace

std::vector<Path> paths_of(const Trajectory& trajectory) {
  const std::vector<std::string> names = run_names(trajectory);
  std::vector<Path> paths;
  for (std::size_t run = 0; run < names.size(); ++run) {
    Path& path = paths.emplace_back(Path{names[run], {}, PathStyle::line_and_points, 1 + static_cast<int>(run)});
    double rate = std::numeric_limits<double>::quiet_NaN();
    for (const TrajectoryPoint& point : trajectory.points) {
      if (static_cast<std::size_t>(point.run) != run) continue;
      if (point.learning_rate <= kRateDrop * rate) path.points.back().marked = true;
      rate = point.learning_rate;
      path.points.push_back(
          {point.projection.x, point.projection.y, point.epoch >= 0 ? std::to_string(point.epoch) : std::string()});
    }
    const std::size_t last = path.points.size() - 1;
    for (std::size_t i = 1; i < last; ++i) path.points[i].label.clear();
    if (names.size() > 1) path.points[0].label = names[run];  // instead of the epoch: which of them it is
  }
  return paths;
}

Picture draw_trajectories(const PlotOptions& options, PictureFormat format) {
  check(options.files.size() == 1, "expected one path, found ", options.files.size(),
        " (basin trajectory RUN RUN ... puts several runs in one plane)");
  const Trajectory trajectory = read_trajectory(options.files[0]);
  std::vector<Chart> charts{plane_chart(trajectory)};
  Chart distance{
      .title = "Distance from the end and from the plane", .x_label = "epoch", .y_label = "distance", .series = {}};
  append(distance.series,
         series_of(trajectory, "from the end", false, [](const TrajectoryPoint& p) { return p.projection.length; }));
  append(distance.series,
         series_of(trajectory, "from the plane", true, [](const TrajectoryPoint& p) { return p.projection.distance; }));
  if (std::isfinite(trajectory.points.at(0).projection.length)) charts.push_back(std::move(distance));
  const auto losses = [&](const char* title, Measurement PointResult::*set) {
    Chart chart{.title = title, .x_label = "epoch", .y_label = "loss", .series = {}, .logarithmic_y = true};
    append(chart.series,
           series_of(trajectory, "true", false, [&](const TrajectoryPoint& p) { return (p.truth.*set).loss; }));
    append(chart.series, series_of(trajectory, "in the plane", true,
                                   [&](const TrajectoryPoint& p) { return (p.in_plane.*set).loss; }));
    charts.push_back(std::move(chart));
  };
  if (trajectory.train) losses("Train loss, true and in the plane", &PointResult::train);
  if (trajectory.test) losses("Test loss, true and in the plane", &PointResult::test);
  return picture_of(charts, options, format, "trajectory");
}

}  // namespace basin
