// Points of parameter space seen from a plane.
#pragma once
#include <span>
#include <vector>

namespace basin {

struct Projection {
  double x = 0, y = 0;  // of the nearest point of the plane, in multiples of its directions
  double length = 0;    // |d|
  double distance = 0;  // |d - x dx - y dy|: how far the plane misses it
};

// From the inner products <d, d>, <d, dx>, <d, dy> and those of the directions: least squares. For orthonormal
// directions these are the reference tool's coordinates <d, dx> / |dx|; it divides by the length of others where the
// plane's coordinates need its square, and leaves out that they may not be orthogonal. Error if the directions do not
// span a plane.
struct PlaneProducts {
  double xx = 0, xy = 0, yy = 0;
};
Projection project(double dd, double dx, double dy, const PlaneProducts& plane);

}  // namespace basin
