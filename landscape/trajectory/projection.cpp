#include "landscape/trajectory/projection.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace basin {

Projection project(double dd, double dx, double dy, const PlaneProducts& plane) {
  const double determinant = plane.xx * plane.yy - plane.xy * plane.xy;
  check(determinant > 1e-12 * plane.xx * plane.yy, "projection: the two directions do not span a plane");
  Projection result;
  result.x = (plane.yy * dx - plane.xy * dy) / determinant;
  result.y = (plane.xx * dy - plane.xy * dx) / determinant;
  result.length = std::sqrt(dd);
  // |d|^2 less the square of the projection's length.
  result.distance = std::sqrt(std::max(dd - (result.x * dx + result.y * dy), 0.0));
  return result;
}

}  // namespace basin
