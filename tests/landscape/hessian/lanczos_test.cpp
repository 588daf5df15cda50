#include "landscape/hessian/lanczos.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/landscape/hessian/known_spectrum.h"

namespace basin {
namespace {

std::vector<double> spread(std::int64_t size) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(std::pow(1.3, static_cast<double>(i)) - 40);
  return values;
}

Tensor start(std::int64_t size, DType type = DType::f64) {
  return normal_probe({size, type, &cpu_backend()}, 1, "start", 0);
}

TEST(Lanczos, FindsTheWholeSpectrum) {
  const std::vector<double> values = spread(20);
  Lanczos lanczos(reflected_diagonal(values), start(20), 100);
  while (lanczos.step()) {
  }
  EXPECT_EQ(lanczos.steps(), 20);
  const std::vector<RitzValue> ritz = lanczos.ritz();
  double weights = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(ritz[i].value, values[i], 1e-10);
    weights += ritz[i].weight;
  }
  EXPECT_NEAR(weights, 1, 1e-12);
}

TEST(Lanczos, ResidualsAreThoseOfTheVectors) {
  const SymmetricOperator apply = reflected_diagonal(spread(60));
  Lanczos lanczos(apply, start(60), 12);
  while (lanczos.step()) {
  }
  const std::vector<RitzValue> ritz = lanczos.ritz();
  ASSERT_EQ(ritz.size(), 12u);
  for (std::size_t i = 0; i < ritz.size(); ++i) {
    const Tensor y = lanczos.vector(i);
    EXPECT_NEAR(length(y), 1, 1e-12);
    const double residual = length(sum_of(apply(y), -ritz[i].value, y));
    EXPECT_NEAR(residual, ritz[i].residual, 1e-6 * std::abs(ritz.back().value)) << i;
    for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(inner_product(y, lanczos.vector(j)), 0, 1e-12) << i << " " << j;
  }
}

// Without re-orthogonalisation, in f32, the largest eigenvalue would soon appear again and again.
TEST(Lanczos, StaysOrthogonalInSinglePrecision) {
  std::vector<double> values(500);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) * 1e-3;
  values[0] = 50;
  Lanczos lanczos(reflected_diagonal(values, DType::f32), start(500, DType::f32), 80);
  while (lanczos.step()) {
  }
  const std::vector<RitzValue> ritz = lanczos.ritz();
  EXPECT_NEAR(ritz.back().value, 50, 50 * 1e-5);
  EXPECT_LE(ritz[ritz.size() - 2].value, 0.5);  // no ghost of it
}

TEST(Lanczos, EndsInAnInvariantSpace) {
  std::vector<double> values(30, 2.0);
  values[3] = -1;
  values[4] = 7;
  Lanczos lanczos(reflected_diagonal(values), start(30), 30);
  while (lanczos.step()) {
  }
  EXPECT_TRUE(lanczos.finished());
  const std::vector<RitzValue> ritz = lanczos.ritz();
  ASSERT_EQ(ritz.size(), 3u);
  EXPECT_NEAR(ritz[0].value, -1, 1e-10);
  EXPECT_NEAR(ritz[1].value, 2, 1e-10);
  EXPECT_NEAR(ritz[2].value, 7, 1e-10);
  EXPECT_LE(ritz[2].residual, 1e-8);
}

TEST(Lanczos, RefusesWhatHasNoLength) {
  const Tensor zero = Tensor::zeros({5}, DType::f64, cpu_backend());
  expect_error([&] { Lanczos(reflected_diagonal({1, 2, 3, 4, 5}), zero, 3); }, {"start", "length 0"});
  const auto broken = [](const Tensor& v) { return scaled(v, std::nan("")); };
  Lanczos lanczos(broken, start(5), 3);
  expect_error([&] { lanczos.step(); }, {"vector 0", "not finite"});
}

}  // namespace
}  // namespace basin
