// The values as they were computed, a rectangle a point.
#include <cmath>

#include "core/error.h"
#include "tools/plotting/palette.h"
#include "tools/plotting/panel.h"

namespace basin {
namespace {

void check_even(const std::vector<double>& coordinates, const char* axis) {
  const double step = (coordinates.back() - coordinates.front()) / static_cast<double>(coordinates.size() - 1);
  for (std::size_t i = 0; i < coordinates.size(); ++i)
    check(std::abs(coordinates[i] - coordinates.front() - step * static_cast<double>(i)) <= 1e-3 * step,
          "heat map: the ", axis, " coordinates are not evenly spaced; --kind filled draws them");
}

std::string rows_of(const Field& field) {
  std::string rows;
  for (std::size_t row = 0; row < field.y.size(); ++row)
    for (std::size_t column = 0; column < field.x.size(); ++column)
      rows += fmt::format("{:.9g} {:.9g} {:.9g}\n", field.x[column], field.y[row], field.at(row, column));
  return rows;
}

}  // namespace

void draw_heatmap(Script& script, const Panel& panel, const Frame& frame) {
  check_even(panel.field->x, "x");
  check_even(panel.field->y, "y");
  set_axes(script, panel, frame);
  script.command("set tics out");
  script.command("{}", palette_command());
  script.command("set object rectangle from graph 0,0 to graph 1,1 behind fc rgb '#e6e6e6' fs solid noborder");
  // In a bitmap rectangles would leave seams; in vector formats an image would be smoothed by some viewers.
  script.command("plot {} using 1:2:3 with image{}", script.data(rows_of(heights(*panel.field, frame.scale))),
                 script.format() == PictureFormat::png ? "" : " pixels");
}

}  // namespace basin
