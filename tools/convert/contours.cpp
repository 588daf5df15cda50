#include "core/error.h"
#include "tools/convert/convert.h"
#include "tools/plotting/isolines.h"

namespace basin {

PointTable contour_table(const PointTable& table, const PointColumn& column, const Scale& scale, const Levels& levels) {
  check(table.arrangement == Arrangement::plane, "--levels: contours are of planes; this file holds a ",
        table.arrangement == Arrangement::line ? "line" : "path");
  const Field field = oriented({column.name, table.x, table.y, column.values});
  std::vector<double> values = levels.values;
  if (values.empty()) {
    const Extent range = extent(field.z);
    values = contour_levels(scale, range.min, range.max, levels.count, column.name.ends_with("loss"));
  }
  PointTable lines;
  lines.arrangement = Arrangement::path;
  lines.attributes = table.attributes;
  lines.columns = {{column.name, column.unit, {}}};
  lines.height = column.name;
  std::int64_t number = 0;
  for (const double level : values)
    for (const Polyline& line : isolines(field, level)) {
      for (const Vertex& vertex : line) {
        lines.x.push_back(vertex.x);
        lines.y.push_back(vertex.y);
        lines.columns[0].values.push_back(level);
        lines.chain.push_back(number);
      }
      ++number;
    }
  check(number > 0, "--levels: no contour of ", column.name, " lies within the plane");
  return lines;
}

}  // namespace basin
