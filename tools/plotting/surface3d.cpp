// The surface as a landscape under a light, over its contours.
#include <algorithm>
#include <cmath>

#include "tools/plotting/isolines.h"
#include "tools/plotting/palette.h"
#include "tools/plotting/panel.h"

namespace basin {
namespace {

constexpr std::size_t kIntervals = 150;  // enough for smooth shading
constexpr double kFloorDrop = 0.35;      // of the heights' range, below the lowest point
constexpr double kSpill = 20;            // pixels that corners may reach over the box, but for its top: the title
constexpr int kHeightTicks = 5;

std::string mesh_rows(const Field& field, const Extent& range) {
  std::string rows;
  for (std::size_t row = 0; row < field.y.size(); ++row) {
    for (std::size_t column = 0; column < field.x.size(); ++column) {
      const double height = field.at(row, column);
      rows += fmt::format("{:.5g} {:.5g} {:.5g}\n", field.x[column], field.y[row],
                          std::isfinite(height) ? std::clamp(height, range.min, range.max) : height);
    }
    rows += '\n';
  }
  return rows;
}

std::string floor_rows(const Field& field, const Frame& frame, double floor, double level) {
  std::string rows;
  for (const Polyline& line : isolines(field, frame.scale.height(level))) {
    for (const Vertex& vertex : line) rows += fmt::format("{:.5g} {:.5g} {:.9g}\n", vertex.x, vertex.y, floor);
    rows += "\n\n";
  }
  return rows;
}

// gnuplot scales a view by `set view` only where the margins are free.
void set_view(Script& script, const Panel& panel, const Frame& frame, double floor) {
  const Box& box = panel.box;
  script.command("unset lmargin; unset rmargin; unset tmargin; unset bmargin");
  script.command("set origin {:.5f},{:.5f}; set size {:.5f},{:.5f}", script.screen_x(box.left - kSpill),
                 script.screen_y(box.bottom + kSpill), script.screen_x(box.width() + 2 * kSpill),
                 1 - script.screen_y(box.height() + kSpill));
  const Extent h = frame.heights();
  script.command("set view 58,38,1.15,1.05");
  script.command("set zrange [{:.9g}:{:.9g}]; set xyplane at {:.9g}", floor, h.max, floor);
  const auto values = ticks(frame.scale, frame.values.min, frame.values.max, kHeightTicks);
  script.command("set ztics {}", tick_list(values, frame.scale));
  script.command(
      "set xlabel offset 0,-0.5; set ylabel offset 0,-0.5; set xtics offset 0,-0.3; set ytics offset 0.3,-0.3");
  script.command("set border 31 lw 0.8 lc rgb '#909090'");
  script.command("set ticslevel 0");
  script.command("set pm3d depthorder noborder lighting primary 0.45 specular 0.12");
}

}  // namespace

void draw_surface3d(Script& script, const Panel& panel, const Frame& frame) {
  set_axes(script, {panel.box, panel.field, true}, frame);
  const Extent h = frame.heights();
  const double floor = h.min - kFloorDrop * (h.max > h.min ? h.max - h.min : 1);
  set_view(script, panel, frame, floor);
  script.command("{}", palette_command());
  const Field field = smooth_heights(*panel.field, frame.scale, kIntervals);
  std::string plots;
  for (const double level : frame.levels) {
    const std::string rows = floor_rows(field, frame, floor, level);
    if (!rows.empty())
      plots += fmt::format("{} with lines lw 1 lc rgb '{}', ", script.data(rows), palette_ink(frame.color(level)));
  }
  script.command("splot {}{} using 1:2:3:3 with pm3d", plots, script.data(mesh_rows(field, h)));
}

}  // namespace basin
