// Several lines, or curves between networks, in one chart.
#include "landscape/curve/curve_file.h"
#include "landscape/surface_file.h"
#include "tools/plot/plot.h"
#include "tools/plotting/chart.h"

namespace basin {
namespace {

ChartSeries series_of(const Surface& surface, const SurfaceValues& set, const std::string& name, int color, bool dashed,
                      const std::vector<double>& values, const std::vector<double>& errors) {
  ChartSeries series{
      .name = name, .x = surface.x, .y = values, .low = {}, .high = {}, .color = color, .dashed = dashed};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (set.valid[i] == 0) series.y[i] = std::numeric_limits<double>::quiet_NaN();
    series.low.push_back(series.y[i] - errors[i]);
    series.high.push_back(series.y[i] + errors[i]);
  }
  return series;
}

// Of the mean of several directions: the band from 10 % to 90 % of them in the place of the standard error.
void add_quantiles(const Surface& surface, const std::string& set, ChartSeries& series) {
  const auto low = surface.further.find(set + "_loss_q10"), high = surface.further.find(set + "_loss_q90");
  if (low == surface.further.end() || high == surface.further.end()) return;
  series.low = low->second;
  series.high = high->second;
}

}  // namespace

Picture draw_overlay(const PlotOptions& options, PictureFormat format) {
  std::vector<Surface> lines;
  std::vector<std::string> names;
  bool curves = true;
  for (const std::string& file : options.files) {
    lines.push_back(read_surface(file));
    check(!lines.back().y, "'", file, "' is a plane, not a line: --kind overlay draws lines in one chart");
    names.push_back(is_curve(lines.back()) ? name_of(read_curve(file).kind) : "");
    curves = curves && is_curve(lines.back());
  }
  names = distinct_names(names, options.files);
  const char* x = curves ? "t" : "α";
  Chart losses{.title = "Loss", .x_label = x, .y_label = "loss", .series = {}, .logarithmic_y = options.logarithmic};
  Chart errors{.title = "Accuracy", .x_label = x, .y_label = "accuracy (%)", .series = {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto add = [&](const std::optional<SurfaceValues>& set, const char* which, bool dashed) {
      if (!set) return;
      const std::string name = names[i] + which;
      const auto color = static_cast<int>(i);
      losses.series.push_back(series_of(lines[i], *set, name, color, dashed, set->loss, set->loss_error));
      add_quantiles(lines[i], dashed ? "test" : "train", losses.series.back());
      errors.series.push_back(series_of(lines[i], *set, name, color, dashed, set->accuracy, set->accuracy_error));
    };
    add(lines[i].train, lines[i].test ? " train" : "", false);
    add(lines[i].test, " test", true);
  }
  return picture_of({losses, errors}, options, format, "overlay");
}

}  // namespace basin
