// The region around the centre of a surface: its area and its rim.
#pragma once
#include <vector>

#include "landscape/metrics/grid_losses.h"

namespace basin {

struct Area {
  double share = 0;       // of the plane's area
  double grid_error = 0;  // standard deviation from cells on the rim, in or out by chance
};
// The points connected with the centre, by edges of the grid, whose loss is at most `level`. A point stands for the
// rectangle up to half the way to its neighbours.
Area connected_area(const GridLosses2d& grid, double level);

// Distances from the centre at which the loss first reaches `level` along `rays` directions, evenly spaced in angle of
// the plane's coordinates; bilinear between points. Infinite where the edge, or a gap, comes first.
std::vector<double> contour_radii(const GridLosses2d& grid, double level, int rays);

}  // namespace basin
