#include "landscape/sharpness/keskar.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

// A separable convex loss is largest at the corner that its slopes point to.
TEST(Keskar, OfASeparableQuadratic) {
  const std::vector<double> x{1, -2, 0.5, 0}, g{0.3, -0.1, 2, 0.4}, h{5, 1, 0.1, 3};
  const Quadratic quadratic{0.7, vector_of(x), vector_of(g), diagonal(h)};
  const double epsilon = 0.01;
  double rise = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double bound = epsilon * (std::abs(x[i]) + 1);
    rise += std::abs(g[i]) * bound + h[i] * bound * bound / 2;
  }
  const KeskarSharpness found = keskar_sharpness(quadratic.loss(), quadratic.center, {.epsilon = epsilon});
  EXPECT_NEAR(found.value, 100 * rise / 1.7, 1e-9);
  EXPECT_NEAR(found.spread, 0, 1e-9);
  // The ratio of s rise and 1 + s f has the derivative rise / (1 + f)^2 in s at s = 1.
  EXPECT_NEAR(found.images_error, 100 * rise / (1.7 * 1.7) * quadratic.share_error(), 1e-9);
}

TEST(Keskar, InARandomLine) {
  std::vector<double> values(40);
  for (std::size_t i = 0; i < 40; ++i) values[i] = 1 + std::cos(static_cast<double>(i));
  const VectorType type{40, DType::f64, &cpu_backend()};
  const Quadratic quadratic{0.2, normal_probe(type, 1, "w", 0), normal_probe(type, 1, "g", 0),
                            reflected_diagonal(values)};
  const double epsilon = 0.02;
  const Tensor a = RandomSubspace(type, 1, 8).coordinates().displacement(vector_of({1}));
  const double bound = epsilon * (std::abs(inner_product(a, quadratic.center) / inner_product(a, a)) + 1);
  const double largest =
      std::max(quadratic.at(sum_of(quadratic.center, bound, a)), quadratic.at(sum_of(quadratic.center, -bound, a)));
  const KeskarSharpness found = keskar_sharpness(
      quadratic.loss(), quadratic.center, {.epsilon = epsilon, .dimensions = 1, .ascent = {.starts = 4, .seed = 8}});
  EXPECT_NEAR(found.value, 100 * (largest - 0.2) / 1.2, 1e-9);
}

TEST(Keskar, IsNotANumberWhereTheGradientIsNone) {
  const Quadratic quadratic{1, vector_of({1, 2}), vector_of({std::nan(""), 0}), diagonal({1, 3})};
  MeanLoss loss = quadratic.loss();
  loss.terms = [](const Tensor&) { return std::vector<double>{1, 2}; };
  const KeskarSharpness found = keskar_sharpness(loss, quadratic.center, {});
  EXPECT_TRUE(std::isnan(found.value) && std::isnan(found.spread) && std::isnan(found.images_error));
}

// What no direction of rise can improve.
TEST(Keskar, IsZeroAtAMaximum) {
  const Quadratic quadratic{1, vector_of({1, 2}), vector_of({0, 0}), diagonal({-1, -3})};
  EXPECT_EQ(keskar_sharpness(quadratic.loss(), quadratic.center, {.ascent = {.starts = 1}}).value, 0);
  expect_error([&] { keskar_sharpness(quadratic.loss(), quadratic.center, {.epsilon = 0}); }, {"epsilon 0"});
}

}  // namespace
}  // namespace basin
