#include "landscape/sharpness/ball_sharpness.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

Quadratic some_quadratic() {
  std::vector<double> values(25);
  for (std::size_t i = 0; i < 25; ++i) values[i] = 2 + 3 * std::sin(static_cast<double>(i));
  const VectorType type{25, DType::f64, &cpu_backend()};
  return {0.3, normal_probe(type, 1, "w", 0), normal_probe(type, 1, "g", 0), reflected_diagonal(values)};
}

// rho |g| + rho^2 g . H g / (2 |g|^2).
TEST(Sam, OneStepOfAQuadratic) {
  const Quadratic quadratic = some_quadratic();
  const Tensor& g = quadratic.gradient;
  const double rho = 0.2, norm = length(g),
               rise = rho * norm + rho * rho * inner_product(g, quadratic.hessian(g)) / (2 * norm * norm);
  const BallSharpness found =
      ball_sharpness(quadratic.loss(), quadratic.center, plain_coordinates(type_of(g)), {.rho = rho});
  EXPECT_NEAR(found.one_step.value, rise, 1e-12);
  EXPECT_NEAR(found.one_step.error, rise * quadratic.share_error(), 1e-12);
  EXPECT_GT(found.refined.value, found.one_step.value);
}

// At a minimum one step goes nowhere; the maximum is rho^2 / 2 times the largest curvature.
TEST(Sam, RefinedAtAMinimum) {
  const Quadratic quadratic{0.1, vector_of({1, 2, 3}), vector_of({0, 0, 0}), reflected_diagonal({1, 4, 9})};
  const BallSharpness found =
      ball_sharpness(quadratic.loss(), quadratic.center, plain_coordinates(type_of(quadratic.center)),
                     {.rho = 0.1, .ascent = {.gradients = 200}});
  EXPECT_EQ(found.one_step.value, 0);
  EXPECT_NEAR(found.refined.value, 0.005 * 9, 1e-8);
  EXPECT_NEAR(found.spread, 0.005 * 9, 1e-8);
}

TEST(Sam, IsNotANumberWhereTheGradientIsNone) {
  const Quadratic quadratic{1, vector_of({1, 2}), vector_of({std::nan(""), 0}), diagonal({1, 3})};
  MeanLoss loss = quadratic.loss();
  loss.terms = [&](const Tensor& point) { return std::vector<double>{inner_product(point, point), 2}; };
  const BallSharpness found = ball_sharpness(loss, quadratic.center, plain_coordinates(type_of(quadratic.center)), {});
  EXPECT_TRUE(std::isnan(found.one_step.value) && std::isnan(found.refined.value) && std::isnan(found.spread));
}

// e = rho T^2 g / |T g|.
TEST(Asam, OneStepOfAQuadratic) {
  const std::vector<double> w{1, -2, 0, 4}, g{1, 1, 5, -0.5}, h{1, 2, 3, 4};
  const Quadratic quadratic{0.3, vector_of(w), vector_of(g), diagonal(h)};
  const double rho = 0.5, norm = std::sqrt(1 + 4 + 0 + 4);
  double rise = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double e = rho * w[i] * w[i] * g[i] / norm;
    rise += g[i] * e + h[i] * e * e / 2;
  }
  const BallSharpness found = ball_sharpness(quadratic.loss(), quadratic.center,
                                             scaled_coordinates(element_scale(quadratic.center)), {.rho = rho});
  EXPECT_NEAR(found.one_step.value, rise, 1e-12);
}

// In w_i = |w_i| u_i the curvatures at a minimum are w_i^2 h_i.
TEST(Asam, RefinedAtAMinimum) {
  const Quadratic quadratic{0.3, vector_of({1, -2, 0, 4}), vector_of({0, 0, 0, 0}), diagonal({30, 10, 1000, 1})};
  const BallSharpness found =
      ball_sharpness(quadratic.loss(), quadratic.center, scaled_coordinates(element_scale(quadratic.center)),
                     {.rho = 0.5, .ascent = {.gradients = 300}});
  EXPECT_NEAR(found.refined.value, 0.25 / 2 * 40, 1e-5);
}

}  // namespace
}  // namespace basin
