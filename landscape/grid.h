// Ranges and grids of the plane (alpha, beta).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace basin {

// "first:last:count", count >= 1 points with both ends included (one point: first, and first must equal last or it is
// "value" alone). Reversed ranges (first > last) and ranges that touch zero are ranges like others. Point i is
// first + (last - first) * i / (count - 1), and exactly 0 where that is within rounding of 0.
struct Range {
  double first = 0, last = 0;
  std::int64_t count = 1;
  double value(std::int64_t index) const;
  std::vector<double> values() const;
  std::string text() const;  // "first:last:count"; parsing it gives this range, bit for bit
  bool operator==(const Range&) const = default;
};

inline constexpr std::int64_t kMaxRangePoints = 1'000'000;
inline constexpr std::int64_t kMaxGridPoints = 100'000'000;

// Error naming `what` (such as "--x") and the text, if it is not such a range: an end that is no finite number, a count
// outside [1, kMaxRangePoints], two ends for one point, or one end for several.
Range parse_range(std::string_view text, std::string_view what);

struct Point {
  double alpha = 0, beta = 0;
};
// Row = y, column = x: point (row, column) has index row * x.count + column.
struct Grid {
  Range x;
  Range y;  // one-dimensional grids have y = {0, 0, 1} and two_dimensional false
  bool two_dimensional = true;
  std::int64_t size() const { return x.count * y.count; }
  Point point(std::int64_t index) const;
};
Grid make_grid(const Range& x);
Grid make_grid(const Range& x, const Range& y);  // Error if it has more than kMaxGridPoints points

}  // namespace basin
