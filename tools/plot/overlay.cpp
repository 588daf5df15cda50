// Several lines, or curves between networks, in one chart.
#include <algorithm>

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

struct Line {
  Surface surface;
  std::string kind;  // of a curve between networks; "": a line
  std::optional<CurveBarriers> train, test;
};

Line read_line(const std::string& file) {
  Line line{read_surface(file), "", {}, {}};
  check(!line.surface.y, "'", file, "' is a plane, not a line: --kind overlay draws lines in one chart");
  if (!is_curve(line.surface)) return line;
  CurveFile curve = read_curve(file);
  return {std::move(curve.surface), name_of(curve.kind), curve.train, curve.test};
}

// The values, and the point where they stand highest above the line between their ends.
void add(Chart& chart, const ChartSeries& line, const Barrier& barrier, const char* unit) {
  chart.series.push_back(line);
  if (!(barrier.height > 0)) return;
  const auto at = std::find(line.x.begin(), line.x.end(), barrier.t) - line.x.begin();
  chart.series.push_back({.name = fmt::format("{}: barrier {} ± {}{}", line.name, number_text(barrier.height),
                                              number_text(barrier.error), unit),
                          .x = {barrier.t},
                          .y = {line.y[static_cast<std::size_t>(at)]},
                          .low = {},
                          .high = {},
                          .style = SeriesStyle::points,
                          .color = line.color});
}

}  // namespace

Picture draw_overlay(const PlotOptions& options, PictureFormat format) {
  std::vector<Line> lines;
  std::vector<std::string> names;
  for (const std::string& file : options.files) {
    lines.push_back(read_line(file));
    names.push_back(lines.back().kind);
  }
  names = distinct_names(names, options.files);
  const bool curves = std::none_of(lines.begin(), lines.end(), [](const Line& line) { return line.kind.empty(); });
  const char* x = curves ? "t" : "α";
  Chart losses{.title = "Loss", .x_label = x, .y_label = "loss", .series = {}, .logarithmic_y = options.logarithmic};
  Chart accuracies{.title = "Accuracy", .x_label = x, .y_label = "accuracy (%)", .series = {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Surface& surface = lines[i].surface;
    const auto color = static_cast<int>(i);
    const auto add_set = [&](const SurfaceValues& set, const CurveBarriers& barriers, const char* which, bool dashed) {
      const std::string name = names[i] + which;
      ChartSeries loss = series_of(surface, set, name, color, dashed, set.loss, set.loss_error);
      add_quantiles(surface, dashed ? "test" : "train", loss);
      add(losses, loss, barriers.loss, "");
      add(accuracies, series_of(surface, set, name, color, dashed, set.accuracy, set.accuracy_error), barriers.error,
          " %");
    };
    if (surface.train)
      add_set(*surface.train, lines[i].train.value_or(CurveBarriers{}), surface.test ? " train" : "", false);
    if (surface.test) add_set(*surface.test, lines[i].test.value_or(CurveBarriers{}), " test", true);
  }
  return picture_of({losses, accuracies}, options, format, "overlay");
}

}  // namespace basin
