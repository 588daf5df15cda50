// Numbers that say what a picture of a surface shows (design: "metrics beside each figure").
#pragma once
#include <string>
#include <vector>

#include "landscape/surface_file.h"

namespace basin {

struct Metric {
  std::string name;        // "basin_area_0.1"
  double value = 0;        // NaN: cannot be had, infinite: not reached within the surface
  double error = 0;        // NaN: unknown
  std::string unit;        // "%", "steps of the directions", ...; "": a pure number
  std::string error_kind;  // what `error` is: "level" (the centre's standard error), "grid step", "fit", ...
};

// Of the losses of `values`, one of the surface's image sets. The centre is the point nearest to (0, 0), or the lowest
// one where (0, 0) is not on the grid; L0 its loss, s the standard error of L0. Points that were not computed or are
// not finite are outside of everything. Two-dimensional surfaces, at least 3 x 3:
//
//   loss_center, loss_min, loss_max     with their standard errors
//   non_convex_share    % of the inner points at which the Hessian of the surface, by central differences, has a
//                       negative eigenvalue; error: the difference to the same on every second point
//   local_minima        inner points below all eight neighbours; error: how many are so by less than their loss's
//                       standard error
//   basin_area_h        for h = 0.1 and 1: % of the plane connected with the centre, by edges of the grid, in which the
//                       loss is at most L0 + h; error: of the level, half of area(L0 + h + s) - area(L0 + h - s), and
//                       of the grid, whose cells on the rim are in or out by chance (0.29 cells each), as root of
//                       squares
//   contour_radius_0.1  mean distance from the centre to the contour L0 + 0.1 along 64 rays, bilinear between points;
//                       error: of the level. _min and _max: over the rays; infinite where none, or not all, reach it
//   curvature_max, _min eigenvalues of the Hessian of a least-squares quadric through the points within L0 + 1 (at
//                       least 9, else the 9 lowest); error: of the fit
//   quadric_residual    root mean square residual of that fit over the loss's standard deviation among its points
//
// One-dimensional, at least 3 points: loss_*, local_minima, width_0.1 (of the interval around the centre within
// L0 + 0.1, linear between points; error: of the level) and curvature (parabola through the points within L0 + 1).
std::vector<Metric> surface_metrics(const Surface& surface, const SurfaceValues& values);

}  // namespace basin
