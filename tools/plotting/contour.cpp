// Contours and bands between them.
#include <algorithm>
#include <cmath>

#include "tools/plotting/isolines.h"
#include "tools/plotting/line_labels.h"
#include "tools/plotting/palette.h"
#include "tools/plotting/panel.h"

namespace basin {
namespace {

constexpr std::size_t kIntervals = 200;      // of the refined field, so that lines are smooth
constexpr std::size_t kBandIntervals = 500;  // so that the edge of a band hides under its line
constexpr int kSmallFont = kFontSize - 3;

// Strokes of one level, and the text in their gaps. `ink` empty: in the level's own colour.
void draw_level(Script& script, const Frame& frame, const Field& field, double level, const std::string& ink,
                LabelPlacer& placer, std::string& plots) {
  const std::string color = ink.empty() ? palette_ink(frame.color(level)) : ink;
  const std::string text = number_text(level);
  std::string rows;
  for (const Polyline& line : isolines(field, frame.scale.height(level))) {
    const LabelledLine labelled = placer.place(line, level, text);
    for (const LineLabel& label : labelled.labels)
      script.command("set label {} at {:.6g},{:.6g} center rotate by {:.1f} font ',{}' textcolor rgb '{}' front",
                     gnuplot_string(text), label.at.x, label.at.y, label.degrees, kSmallFont, color);
    for (const Polyline& stroke : labelled.strokes) {
      for (const Vertex& vertex : stroke) rows += fmt::format("{:.6g} {:.6g}\n", vertex.x, vertex.y);
      rows += '\n';
    }
  }
  if (rows.empty()) return;
  plots += fmt::format("{} {} with lines lw 1.4 lc rgb '{}'", plots.empty() ? "plot" : ",", script.data(rows), color);
}

// "plot" clauses of all lines; the labels are set on the way.
std::string draw_lines(Script& script, const Panel& panel, const Frame& frame, const std::string& ink,
                       std::string plots) {
  const Field field = smooth_heights(*panel.field, frame.scale, kIntervals);
  LabelPlacer placer(panel.box, frame.x, frame.y, kSmallFont);
  for (const double level : frame.levels)
    for (const Polyline& line : isolines(field, frame.scale.height(level))) placer.avoid(line, level);
  for (const double level : frame.levels) draw_level(script, frame, field, level, ink, placer, plots);
  return plots;
}

// The first clause of a plot command: gaps in grey; empty if there are none.
std::string gap_clause(Script& script, const Field& field) {
  const std::string rows = gap_rows(field);
  return rows.empty() ? "" : fmt::format("plot {} {}", script.data(rows), kGapStyle);
}

// The middle of the band that holds `height`, as a height.
double band(double height, const std::vector<double>& edges, const Extent& range) {
  if (!std::isfinite(height)) return height;
  const auto above = std::upper_bound(edges.begin(), edges.end(), height);
  const double low = above == edges.begin() ? std::min(range.min, edges.front()) : *(above - 1);
  const double high = above == edges.end() ? std::max(range.max, edges.back()) : *above;
  return (low + high) / 2;
}

std::string band_matrix(const Field& field, const Frame& frame) {
  std::vector<double> edges;
  for (const double level : frame.levels) edges.push_back(frame.scale.height(level));
  std::string rows;
  for (std::size_t row = 0; row < field.y.size(); ++row) {
    for (std::size_t column = 0; column < field.x.size(); ++column) {
      const double height = field.at(row, column);
      rows += fmt::format("{:.4g} ", edges.empty() ? height : band(height, edges, frame.heights()));
    }
    rows += '\n';
  }
  return rows;
}

}  // namespace

void draw_contour(Script& script, const Panel& panel, const Frame& frame) {
  set_axes(script, panel, frame);
  mark_center(script, frame);
  const std::string plots = draw_lines(script, panel, frame, "", gap_clause(script, *panel.field));
  script.command("{}", plots.empty() ? "plot NaN" : plots);  // no level is crossed: the axes alone
}

void draw_filled(Script& script, const Panel& panel, const Frame& frame) {
  set_axes(script, panel, frame);
  mark_center(script, frame);
  script.command("{}", palette_command());
  const Field field = smooth_heights(*panel.field, frame.scale, kBandIntervals);
  const double dx = (field.x.back() - field.x.front()) / static_cast<double>(field.x.size() - 1);
  const double dy = (field.y.back() - field.y.front()) / static_cast<double>(field.y.size() - 1);
  const std::string below = gap_clause(script, *panel.field);
  const std::string bands = fmt::format("{} {} matrix using ({:.9g}+{:.9g}*$1):({:.9g}+{:.9g}*$2):3 with image",
                                        below.empty() ? "plot" : below + ",", script.data(band_matrix(field, frame)),
                                        field.x.front(), dx, field.y.front(), dy);
  script.command("{}", draw_lines(script, panel, frame, "white", bands));
}

}  // namespace basin
