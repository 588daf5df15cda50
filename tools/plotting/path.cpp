#include "tools/plotting/path.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "tools/plotting/chart.h"

namespace basin {
namespace {

constexpr const char* kMark = "#c01818";

bool inside(const Frame& frame, const PathPoint& p) {
  return p.x >= frame.x.min && p.x <= frame.x.max && p.y >= frame.y.min && p.y <= frame.y.max;
}

// The part of a segment inside the frame, by its parameters (Liang, Barsky 1984).
std::optional<std::pair<double, double>> clipped(const Frame& frame, const PathPoint& a, const PathPoint& b) {
  double enter = 0, leave = 1;
  const auto cut = [&](double from, double delta, double low, double high) {
    if (delta == 0) return from >= low && from <= high;
    const double t = (low - from) / delta, u = (high - from) / delta;
    enter = std::max(enter, std::min(t, u));
    leave = std::min(leave, std::max(t, u));
    return enter <= leave;
  };
  if (!cut(a.x, b.x - a.x, frame.x.min, frame.x.max) || !cut(a.y, b.y - a.y, frame.y.min, frame.y.max))
    return std::nullopt;
  return std::pair{enter, leave};
}

// As objects, which gnuplot draws below points and labels; arrows would cover them.
void draw_segments(Script& script, const Frame& frame, const Path& path) {
  for (std::size_t i = 0; i + 1 < path.points.size(); ++i) {
    const PathPoint &a = path.points[i], &b = path.points[i + 1];
    const auto part = clipped(frame, a, b);
    if (!part) continue;
    const auto at = [&](double t) { return std::pair{a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)}; };
    const auto [x0, y0] = at(part->first);
    const auto [x1, y1] = at(part->second);
    for (const auto& [color, width] : {std::pair{"white", 3.6}, {chart_color(path.color), 1.8}})
      script.command(
          "set object polygon from {:.9g},{:.9g} to {:.9g},{:.9g} to {:.9g},{:.9g} front fs empty border lc rgb '{}' "
          "lw {}",
          x0, y0, x1, y1, x0, y0, color, width);
  }
}

}  // namespace

void draw_path(Script& script, const Frame& frame, const Path& path) {
  const bool line = path.style == PathStyle::line;
  if (line || path.style == PathStyle::line_and_points) draw_segments(script, frame, path);
  if (line) return;
  const bool crosses = path.style == PathStyle::crosses;
  for (const PathPoint& point : path.points) {
    if (!inside(frame, point)) continue;
    const double size = crosses ? 0.6 : point.marked ? 1.1 : 0.7;
    if (!crosses)
      script.command("set label '' at {:.9g},{:.9g} point pt 7 ps {} lc rgb 'white' front", point.x, point.y,
                     size + 0.3);
    script.command("set label '' at {:.9g},{:.9g} point pt {} ps {} lw 1.5 lc rgb '{}' front", point.x, point.y,
                   crosses ? 2 : 7, size, point.marked ? kMark : chart_color(path.color));
    if (!point.label.empty())
      script.command(
          "set style textbox opaque noborder fc rgb 'white' margins 0.4,0.3; set label {} at {:.9g},{:.9g} left "
          "offset 0.8,0.5 font ',{}' boxed front",
          gnuplot_string(point.label), point.x, point.y, kFontSize - 3);
  }
}

}  // namespace basin
