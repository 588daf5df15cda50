#include "landscape/hessian/trace.h"

#include <gtest/gtest.h>

#include <numeric>

#include "landscape/estimate.h"
#include "tests/landscape/hessian/known_spectrum.h"

namespace basin {
namespace {

// A few large eigenvalues and a long tail.
std::vector<double> decaying(std::int64_t size) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(40 / std::pow(1 + static_cast<double>(i), 1.5) - 0.01);
  return values;
}
double sum_of_values(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

VectorType doubles(std::int64_t size) { return {size, DType::f64, &cpu_backend()}; }

TEST(Trace, HutchinsonIsExactOnADiagonal) {
  const std::vector<double> values = decaying(50);
  const Tensor diagonal = Tensor::from({50}, values, cpu_backend());
  const auto apply = [&](const Tensor& v) {
    const Recording off(false);
    return diagonal * v;
  };
  for (std::uint64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(hutchinson_sample(apply, doubles(50), 1, i), sum_of_values(values), 1e-10);
}

// The samples' mean and variance are those of theory.
TEST(Trace, HutchinsonIsUnbiasedAndHasTheVarianceOfTheory) {
  const std::int64_t size = 30;
  const std::vector<double> values = decaying(size);
  const SymmetricOperator apply = rotated_diagonal(values);
  double frobenius = 0, diagonal = 0;
  for (const double value : values) frobenius += value * value;
  for (std::int64_t i = 0; i < size; ++i) {
    std::vector<double> unit(static_cast<std::size_t>(size));
    unit[static_cast<std::size_t>(i)] = 1;
    const Tensor e = Tensor::from({size}, unit, cpu_backend());
    diagonal += std::pow(inner_product(e, apply(e)), 2);
  }
  std::vector<double> samples;
  for (std::uint64_t i = 0; i < 2000; ++i) samples.push_back(hutchinson_sample(apply, doubles(size), 1, i));
  const Estimate estimate = estimate_of(std::span<const double>(samples));
  EXPECT_NEAR(estimate.value, sum_of_values(values), 4 * estimate.error);
  const double variance = estimate.error * estimate.error * 2000;
  EXPECT_NEAR(variance, 2 * (frobenius - diagonal), 0.15 * variance);
}

TEST(Trace, HutchPlusPlusIsExactForALowRank) {
  std::vector<double> values(60, 0.0);
  values[3] = 5;
  values[20] = -2;
  values[30] = 0.5;
  const HutchPlusPlus estimate(rotated_diagonal(values), doubles(60), 5, 1);
  EXPECT_NEAR(estimate.range_trace(), 3.5, 1e-9);
  EXPECT_NEAR(estimate.rest_sample(0), 0, 1e-9);
}

TEST(Trace, HutchPlusPlusNeedsFarFewerProducts) {
  const std::vector<double> values = decaying(300);
  const SymmetricOperator apply = rotated_diagonal(values);
  std::vector<double> plain;
  for (std::uint64_t i = 0; i < 30; ++i) plain.push_back(hutchinson_sample(apply, doubles(300), 1, i));
  const HutchPlusPlus estimate(apply, doubles(300), 10, 1);
  std::vector<double> rest;
  for (std::uint64_t i = 0; i < 10; ++i) rest.push_back(estimate.rest_sample(i));
  const Estimate hutchinson = estimate_of(std::span<const double>(plain)),
                 plus = estimate_of(std::span<const double>(rest));
  EXPECT_NEAR(estimate.range_trace() + plus.value, sum_of_values(values), 4 * plus.error);
  EXPECT_LT(plus.error, hutchinson.error / 3);
}

TEST(Trace, OfALinearClassifier) {
  const LinearClassifier linear;
  const LossFunction loss = linear.loss();
  const Tensor point = loss.center();
  double exact = 0;  // (1 - 1/C) / N sum of |x|^2
  std::vector<double> unit(static_cast<std::size_t>(loss.size()));
  for (std::size_t i = 0; i < unit.size(); ++i) {
    unit[i] = 1;
    const Tensor e = Tensor::from({loss.size()}, unit, cpu_backend());
    exact += inner_product(e, loss.hessian_product(point, e));
    unit[i] = 0;
  }
  // Rank 36 = 12 features times 3: a sketch of 40 sees all of it.
  const HutchPlusPlus estimate([&](const Tensor& v) { return loss.hessian_product(point, v); }, type_of(point), 40, 1);
  EXPECT_NEAR(estimate.range_trace(), exact, 1e-9 * exact);
}

}  // namespace
}  // namespace basin
