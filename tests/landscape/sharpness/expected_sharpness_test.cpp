#include "landscape/sharpness/expected_sharpness.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

// sigma^2 tr(H) / 2, whatever the slope; the variance of a pair is sigma^4 |H|_F^2 / 2.
TEST(ExpectedSharpness, IsHalfTheTrace) {
  std::vector<double> values(60);
  double trace = 0, frobenius = 0;
  for (std::size_t i = 0; i < 60; ++i) {
    values[i] = 1 + 2 * std::cos(static_cast<double>(i));
    trace += values[i];
    frobenius += values[i] * values[i];
  }
  const VectorType type{60, DType::f64, &cpu_backend()};
  const Quadratic quadratic{1, normal_probe(type, 1, "w", 0), scaled(normal_probe(type, 1, "g", 0), 100),
                            rotated_diagonal(values)};
  const double sigma = 0.1;
  const std::int64_t samples = 400;
  const ExpectedSharpness found = expected_sharpness(quadratic.loss(), quadratic.center, plain_coordinates(type),
                                                     {.sigma = sigma, .samples = samples});
  const double error = sigma * sigma * std::sqrt(frobenius / 2 / static_cast<double>(samples));
  EXPECT_NEAR(found.estimate.value, sigma * sigma * trace / 2, 4 * error);
  EXPECT_NEAR(found.estimate.error, error, 0.2 * error);
  EXPECT_NEAR(found.images_error, found.estimate.value * quadratic.share_error(), 1e-9);
}

TEST(ExpectedSharpness, RelativeToTheWeights) {
  const Quadratic quadratic{1, vector_of({3, 0, -1}), vector_of({1, 1, 1}), diagonal({1, 100, 5})};
  const ExpectedSharpness found =
      expected_sharpness(quadratic.loss(), quadratic.center, scaled_coordinates(element_scale(quadratic.center)),
                         {.sigma = 0.2, .samples = 500});
  EXPECT_NEAR(found.estimate.value, 0.02 * (9 + 5), 4 * found.estimate.error);
  EXPECT_LT(found.estimate.error, 0.02);
}

TEST(ExpectedSharpness, OneSampleHasNoError) {
  const Quadratic quadratic{1, vector_of({3, 1}), vector_of({1, 1}), diagonal({1, 1})};
  const Coordinates plain = plain_coordinates(type_of(quadratic.center));
  EXPECT_TRUE(std::isnan(
      expected_sharpness(quadratic.loss(), quadratic.center, plain, {.sigma = 1, .samples = 1}).estimate.error));
  expect_error([&] { expected_sharpness(quadratic.loss(), quadratic.center, plain, {.sigma = 0}); }, {"sigma 0"});
  expect_error([&] { expected_sharpness(quadratic.loss(), quadratic.center, plain, {.samples = 0}); },
               {"at least 1 sample"});
}

}  // namespace
}  // namespace basin
