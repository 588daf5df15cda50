// Lines of equal value.
#pragma once
#include <vector>

#include "tools/plotting/field.h"

namespace basin {

struct Vertex {
  double x, y;
};
using Polyline = std::vector<Vertex>;  // closed where the first vertex equals the last

// The lines on which `field`, linear along the cells' edges, equals `level` (marching squares; a saddle is decided by
// the mean of its corners). Cells with a gap at a corner have none.
std::vector<Polyline> isolines(const Field& field, double level);

}  // namespace basin
