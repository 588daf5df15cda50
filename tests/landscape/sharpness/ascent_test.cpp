#include "landscape/sharpness/ascent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

AscentResult climb(const Quadratic& quadratic, const Neighbourhood& set, const AscentOptions& options) {
  return ascend(quadratic.loss(), quadratic.center, plain_coordinates(type_of(quadratic.center)), set, options);
}

// Where the curvature is positive the maximum is at a corner, where it is negative possibly inside:
// g^2 / (2 |h|) at u = g / |h|.
TEST(Ascent, FindsTheMaximumOverABox) {
  const Quadratic quadratic{2, vector_of({1, -1, 2, 0}), vector_of({1, -2, 0.5, -3}), diagonal({4, 1, -10, -1})};
  const Tensor bounds = vector_of({0.1, 0.2, 0.3, 0.4});
  const AscentResult found = climb(quadratic, box(bounds), {.gradients = 200, .starts = 1});
  const double expected = 2 + (0.1 + 2 * 0.01) + (0.4 + 0.5 * 0.04) + 0.25 / 20 + (1.2 - 0.5 * 0.16);
  EXPECT_NEAR(found.value, expected, 1e-8);
  const std::vector<double> at = found.at.to_vector<double>();
  EXPECT_NEAR(at[0], 0.1, 1e-12);
  EXPECT_NEAR(at[1], -0.2, 1e-12);
  EXPECT_NEAR(at[2], 0.05, 1e-4);
  EXPECT_NEAR(at[3], -0.4, 1e-12);
  EXPECT_LE(found.gradients, 200);
}

// max g . e + e . H e / 2 over |e| <= r is at e = (m - H)^-1 g with m above the largest curvature and |e| = r.
TEST(Ascent, FindsTheMaximumOverABall) {
  std::vector<double> curvatures, slopes;
  for (int i = 0; i < 30; ++i) {
    curvatures.push_back(3 * std::cos(i));
    slopes.push_back(std::sin(2.0 * i + 1));
  }
  const Quadratic quadratic{1, Tensor::zeros({30}, DType::f64, cpu_backend()), vector_of(slopes), diagonal(curvatures)};
  const double radius = 0.7;
  double low = 3, high = 1e4;  // of m
  const auto size_at = [&](double m) {
    double sum = 0;
    for (std::size_t i = 0; i < 30; ++i) sum += std::pow(slopes[i] / (m - curvatures[i]), 2);
    return std::sqrt(sum);
  };
  for (int turn = 0; turn < 200; ++turn) (size_at((low + high) / 2) > radius ? low : high) = (low + high) / 2;
  double expected = 1;
  for (std::size_t i = 0; i < 30; ++i) {
    const double e = slopes[i] / (low - curvatures[i]);
    expected += slopes[i] * e + curvatures[i] * e * e / 2;
  }
  const AscentResult found = climb(quadratic, ball(type_of(quadratic.center), radius), {.gradients = 300, .starts = 2});
  EXPECT_NEAR(found.value, expected, 1e-6 * expected);
  EXPECT_NEAR(length(found.at), radius, 1e-12);
  EXPECT_LE(found.spread, 1e-6);
}

// At a minimum the gradient is zero: the first start stays, random ones find the steepest direction.
TEST(Ascent, RandomStartsLeaveAMinimum) {
  const Quadratic quadratic{1, vector_of({1, 2, 3}), vector_of({0, 0, 0}), diagonal({1, 8, 2})};
  const Neighbourhood set = ball(type_of(quadratic.center), 0.5);
  const AscentResult stays = climb(quadratic, set, {.gradients = 100, .starts = 1});
  EXPECT_EQ(stays.value, 1);
  EXPECT_EQ(stays.gradients, 1);
  const AscentResult leaves = climb(quadratic, set, {.gradients = 100, .starts = 3});
  EXPECT_NEAR(leaves.value, 1 + 0.25 * 8 / 2, 1e-6);
  EXPECT_NEAR(leaves.spread, 1, 1e-6);  // from the first start
}

TEST(Ascent, RandomPointsLieInTheSet) {
  const Tensor bounds = vector_of({1, 0.01, 5});
  const Neighbourhood cube = box(bounds), sphere = ball(type_of(bounds), 0.3);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Tensor u = cube.random(1, i);
    EXPECT_EQ(cube.nearest(u).to_vector<double>(), u.to_vector<double>());
    EXPECT_NEAR(length(sphere.random(1, i)), 0.3, 1e-12);
  }
  EXPECT_NE(cube.random(1, 0).to_vector<double>(), cube.random(2, 0).to_vector<double>());
}

// A loss that is infinite beyond a wall: the ascent ends at it.
TEST(Ascent, StepsBackFromWhatIsNotFinite) {
  const Tensor center = vector_of({0});
  const MeanLoss walled{[](const Tensor&) { return std::vector<double>{0}; },
                        [](const Tensor& point) {
                          const double x = point.item();
                          return ValueAndGradient{x < 0.25 ? x : std::nan(""), vector_of({1})};
                        }};
  const AscentResult found =
      ascend(walled, center, plain_coordinates(type_of(center)), box(vector_of({1})), {.gradients = 60, .starts = 1});
  EXPECT_LT(found.value, 0.25);
  EXPECT_GT(found.value, 0.24);
  const MeanLoss nothing{walled.terms, [](const Tensor&) { return ValueAndGradient{std::nan(""), vector_of({1})}; }};
  EXPECT_TRUE(std::isnan(ascend(nothing, center, plain_coordinates(type_of(center)), box(vector_of({1})), {}).value));
}

}  // namespace
}  // namespace basin
