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

// Where the values stand highest above the line between the ends of a curve.
ChartSeries barrier_point(const ChartSeries& line, const Barrier& barrier, const char* unit) {
  const std::size_t at =
      static_cast<std::size_t>(std::lower_bound(line.x.begin(), line.x.end(), barrier.t) - line.x.begin());
  return {.name = fmt::format("{}: barrier {} ± {}{}", line.name, number_text(barrier.height),
                              number_text(barrier.error), unit),
          .x = {barrier.t},
          .y = {line.y[at]},
          .low = {},
          .high = {},
          .style = SeriesStyle::points,
          .color = line.color};
}

}  // namespace

Picture draw_overlay(const PlotOptions& options, PictureFormat format) {
  std::vector<Surface> lines;
  std::vector<std::optional<CurveFile>> curves;
  std::vector<std::string> names;
  bool all_curves = true;
  for (const std::string& file : options.files) {
    lines.push_back(read_surface(file));
    check(!lines.back().y, "'", file, "' is a plane, not a line: --kind overlay draws lines in one chart");
    curves.push_back(is_curve(lines.back()) ? std::optional(read_curve(file)) : std::nullopt);
    names.push_back(curves.back() ? name_of(curves.back()->kind) : "");
    all_curves = all_curves && curves.back().has_value();
  }
  names = distinct_names(names, options.files);
  const char* x = all_curves ? "t" : "α";
  Chart losses{.title = "Loss", .x_label = x, .y_label = "loss", .series = {}, .logarithmic_y = options.logarithmic};
  Chart accuracies{.title = "Accuracy", .x_label = x, .y_label = "accuracy (%)", .series = {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto add = [&](Chart& chart, const ChartSeries& series, const std::optional<Barrier>& barrier,
                         const char* unit) {
      chart.series.push_back(series);
      if (barrier && barrier->height > 0) chart.series.push_back(barrier_point(series, *barrier, unit));
    };
    const auto add_set = [&](const std::optional<SurfaceValues>& set, const char* which, bool dashed) {
      if (!set) return;
      const std::string name = names[i] + which;
      const auto color = static_cast<int>(i);
      ChartSeries loss = series_of(lines[i], *set, name, color, dashed, set->loss, set->loss_error);
      add_quantiles(lines[i], dashed ? "test" : "train", loss);
      const ChartSeries accuracy = series_of(lines[i], *set, name, color, dashed, set->accuracy, set->accuracy_error);
      const std::optional<CurveBarriers> barriers = !curves[i] ? std::nullopt
                                                    : dashed   ? curves[i]->test
                                                               : curves[i]->train;
      add(losses, loss, barriers ? std::optional(barriers->loss) : std::nullopt, "");
      add(accuracies, accuracy, barriers ? std::optional(barriers->error) : std::nullopt, " %");
    };
    add_set(lines[i].train, lines[i].test ? " train" : "", false);
    add_set(lines[i].test, " test", true);
  }
  return picture_of({losses, accuracies}, options, format, "overlay");
}

}  // namespace basin
