#include "landscape/adaptive_grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/expect_error.h"

namespace basin {
namespace {

using Loss = std::function<double(double, double)>;

struct Computed {
  std::vector<double> loss;
  std::vector<std::uint8_t> valid;
  std::int64_t levels = 0, points = 0;
};

Computed compute(const AdaptiveGrid& adaptive, const Grid& grid, const Loss& loss,
                 std::int64_t stop_after = 1'000'000) {
  Computed c{std::vector<double>(static_cast<std::size_t>(grid.size()), -1),
             std::vector<std::uint8_t>(static_cast<std::size_t>(grid.size()), 0)};
  for (;;) {
    const std::vector<std::int64_t> points = adaptive.missing(c.loss, c.valid);
    if (points.empty()) return c;
    ++c.levels;
    for (const std::int64_t point : points) {
      if (c.points == stop_after) return c;
      const Point p = grid.point(point);
      c.loss[static_cast<std::size_t>(point)] = loss(p.alpha, p.beta);
      c.valid[static_cast<std::size_t>(point)] = 1;
      ++c.points;
    }
  }
}

// Linear in ln(loss + 0.1): nothing to refine.
double straight(double x, double y) { return std::exp(0.5 + x - 0.3 * y) - 0.1; }
// Flat but for a well around (0.5, 0.5).
double well(double x, double y) { return 3 - 2.9 * std::exp(-40 * (std::pow(x - 0.5, 2) + std::pow(y - 0.5, 2))); }

TEST(AdaptiveGrid, StopsWhereNothingBends) {
  const Grid grid{{-1, 1, 33}, {-1, 1, 25}, true};
  const Computed c = compute(AdaptiveGrid(grid, 0.01), grid, straight);
  EXPECT_EQ(c.points, 5 * 4);
  EXPECT_EQ(c.levels, 1);
  const std::vector<double> filled = AdaptiveGrid(grid, 0.01).filled(c.loss, c.valid);
  for (std::int64_t i = 0; i < grid.size(); ++i)
    EXPECT_NEAR(filled[static_cast<std::size_t>(i)], straight(grid.point(i).alpha, grid.point(i).beta), 1e-9) << i;
}

TEST(AdaptiveGrid, RefinesWhereItBendsToTheTolerance) {
  const Grid grid{{-1, 1, 65}, {-1, 1, 65}, true};
  const AdaptiveGrid adaptive(grid, 0.02);
  const Computed c = compute(adaptive, grid, well);
  EXPECT_LT(c.points, grid.size() / 3);
  EXPECT_EQ(c.levels, 4);  // strides 8, 4, 2, 1
  const std::vector<double> filled = adaptive.filled(c.loss, c.valid);
  double worst = 0;
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    const double truth = well(grid.point(i).alpha, grid.point(i).beta);
    worst = std::max(worst, std::abs(std::log(filled[static_cast<std::size_t>(i)] + 0.1) - std::log(truth + 0.1)));
  }
  EXPECT_LT(worst, 4 * 0.02);  // two axes, and estimates of the curvature
  // A coarser tolerance computes less.
  EXPECT_LT(compute(AdaptiveGrid(grid, 0.2), grid, well).points, c.points);
}

TEST(AdaptiveGrid, GoesOnAsItWouldHave) {
  const Grid grid{{-1, 1, 30}, {0, 1, 19}, true};  // not multiples of 8
  const AdaptiveGrid adaptive(grid, 0.02);
  const Computed whole = compute(adaptive, grid, well);
  for (const std::int64_t stop : {1, 7, 40, 90}) {
    Computed c = compute(adaptive, grid, well, stop);
    while (true) {  // a point at a time, each time from what is there
      const std::vector<std::int64_t> points = adaptive.missing(c.loss, c.valid);
      if (points.empty()) break;
      const Point p = grid.point(points.back());
      c.loss[static_cast<std::size_t>(points.back())] = well(p.alpha, p.beta);
      c.valid[static_cast<std::size_t>(points.back())] = 1;
    }
    EXPECT_EQ(c.valid, whole.valid) << stop;
  }
}

TEST(AdaptiveGrid, HalvesCellsWithWhatIsNotFinite) {
  const Grid grid{{0, 1, 17}, {0, 1, 17}, true};
  const AdaptiveGrid adaptive(grid, 0.05);
  const Computed c =
      compute(adaptive, grid, [](double x, double y) { return x > 0.9 && y > 0.9 ? std::nan("") : 1.0; });
  EXPECT_GT(c.points, 9);
  EXPECT_LT(c.points, grid.size());
  const std::vector<double> filled = adaptive.filled(c.loss, c.valid);
  EXPECT_TRUE(std::isnan(filled.back()));
  EXPECT_EQ(filled[0], 1);
}

// Above the clip of 10 nothing counts.
TEST(AdaptiveGrid, LeavesTheHeightsAlone) {
  const Grid grid{{0, 1, 17}, {0, 1, 17}, true};
  const Computed c = compute(AdaptiveGrid(grid, 0.05), grid,
                             [](double x, double y) { return 20 + 1000 * std::sin(9 * x * y) * std::sin(9 * x * y); });
  EXPECT_EQ(c.points, 9);
}

TEST(AdaptiveGrid, NeedsAPlaneAndATolerance) {
  expect_error([] { AdaptiveGrid({{0, 1, 9}, {0, 0, 1}, false}, 0.1); }, {"at least 2 x 2", "9 x 1"});
  expect_error([] { AdaptiveGrid({{0, 1, 9}, {0, 1, 9}, true}, 0); }, {"tolerance of 0"});
}

}  // namespace
}  // namespace basin
