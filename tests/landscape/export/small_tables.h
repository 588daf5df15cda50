// Tables whose numbers are known.
#pragma once
#include <cmath>

#include "landscape/export/point_table.h"

namespace basin {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Three columns, two rows: z = 10 row + column, of which the last point has none.
inline PointTable small_plane() {
  PointTable table;
  table.x = {-1, 0, 1.5};
  table.y = {0, 2};
  table.columns = {{"train_loss", "nat", {0, 1, 2, 10, 11, kNaN}},
                   {"train_nonfinite", "images", {0, 0, 7, 0, 0, -1}, ColumnType::count},
                   {"train_valid", "", {1, 1, 1, 1, 1, 0}, ColumnType::flag}};
  table.height = "train_loss";
  table.attributes = {{"configuration", "{\"norm\":\"filter\"}\n<&>"}, {"model", "r\xc3\xa9seau"}};
  return table;
}

// Two paths, of three points and of two.
inline PointTable small_paths() {
  PointTable table;
  table.arrangement = Arrangement::path;
  table.x_name = "proj_xcoord";
  table.y_name = "proj_ycoord";
  table.x = {3, 2, 0, 5, 4};
  table.y = {0, 1, 0, -1, -2};
  table.chain = {0, 0, 0, 1, 1};
  table.columns = {{"train_loss", "", {2.3, 1.1, 0.1, 2.2, 1.0}}};
  table.height = "train_loss";
  return table;
}

inline PointTable small_line() {
  PointTable table;
  table.arrangement = Arrangement::line;
  table.x = {-1, 0, 1, 2, 3};
  table.columns = {{"test_acc", "%", {10, 90, kNaN, 50, INFINITY}}};
  table.height = "test_acc";
  return table;
}

}  // namespace basin
