// What is drawn: values over a plane, or along a line.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace basin {

// z (y.size(), x.size()) row-major, row = y. A value that is not finite is a gap: not computed, NaN or infinite.
struct Field {
  std::string title;
  std::vector<double> x, y;  // strictly increasing
  std::vector<double> z;
  double at(std::size_t row, std::size_t column) const { return z[row * x.size() + column]; }
};

struct Extent {
  double min, max;  // of the finite values; NaN if there are none
};
Extent extent(const std::vector<double>& values);
Extent extent(const std::vector<Field>& fields);
std::int64_t gaps(const std::vector<double>& values);

// The same field with both coordinates increasing: reversed ranges are turned round, values with them.
Field oriented(Field field);

// `factor` times as many intervals along each axis, interpolated by monotone cubics (Fritsch & Carlson 1980, SIAM J.
// Numer. Anal. 17) along x, then y: every given value is kept, and nothing rises above or falls below its neighbours. A
// gap stays a gap and takes with it the cells it touches.
Field refined(const Field& field, std::size_t factor);
// The factor that gives about `target` intervals along the longer axis, at least 1.
std::size_t refinement_for(const Field& field, std::size_t target);

}  // namespace basin
