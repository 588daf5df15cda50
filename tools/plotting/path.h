// Points and paths drawn over a field: trajectories, networks in a plane, points to be marked.
#pragma once
#include <string>
#include <vector>

#include "tools/plotting/panel.h"

namespace basin {

struct PathPoint {
  double x, y;
  std::string label = {};  // beside the point; "": none
  bool marked = false;     // larger, in a colour of its own
};

enum class PathStyle : std::uint8_t { line_and_points, line, points, crosses };

struct Path {
  std::string name;  // for the reader of the code; labels are on the points
  std::vector<PathPoint> points;
  PathStyle style = PathStyle::line_and_points;
  int color = 1;  // place in chart_color()
};

// For the next plot command of the panel, in front of it. Points outside the frame are left out, lines to them end at
// it.
void draw_path(Script& script, const Frame& frame, const Path& path);

}  // namespace basin
