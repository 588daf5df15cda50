// The points of a table that have a height, and what connects them.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "landscape/export/point_table.h"

namespace basin {

struct Mesh {
  std::vector<std::size_t> points;  // the table's, in order: those with a finite height
  std::vector<std::array<std::int64_t, 4>>
      quads;  // of a plane: indices into `points`, counter-clockwise seen from above
  std::vector<std::vector<std::int64_t>> chains;  // of a line or path: runs without gaps, of two points or more
};

// `heights`: a value per point, NaN or infinite: a gap, which no quad and no chain touches. Error if there is not a
// height per point, or none is finite.
Mesh make_mesh(const PointTable& table, const std::vector<double>& heights);

}  // namespace basin
