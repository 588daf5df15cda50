#include "landscape/sharpness/local_entropy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "tests/expect_error.h"
#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

const std::vector<double> kSlopes{0.5, -1, 0, 2, 0, 0.1}, kCurvatures{0, 1, 10, 30, 300, -3};
constexpr double kGamma = 10, kBeta = 3;

Quadratic well() { return {0.4, vector_of({1, 2, 3, 4, 5, 6}), vector_of(kSlopes), diagonal(kCurvatures)}; }

// E_lambda[L]: along each axis p_lambda is normal, of variance 1 / (beta (lambda h + gamma)) and mean
// -lambda g / (lambda h + gamma).
double exact_loss(double lambda) {
  double loss = 0.4;
  for (std::size_t i = 0; i < kSlopes.size(); ++i) {
    const double stiffness = lambda * kCurvatures[i] + kGamma, mean = -lambda * kSlopes[i] / stiffness;
    loss += kSlopes[i] * mean + kCurvatures[i] / 2 * (mean * mean + 1 / (kBeta * stiffness));
  }
  return loss;
}

double exact_entropy() {
  double entropy = -kBeta * 0.4;
  for (std::size_t i = 0; i < kSlopes.size(); ++i)
    entropy += (kBeta * kSlopes[i] * kSlopes[i] / (kGamma + kCurvatures[i]) - std::log1p(kCurvatures[i] / kGamma)) / 2;
  return entropy;
}

TEST(LocalEntropy, OfAGaussianWell) {
  const Quadratic quadratic = well();
  const LocalEntropyOptions options{.gamma = kGamma, .beta = kBeta, .steps = 4000};
  std::vector<EntropyNode> nodes;
  for (std::size_t i = 0; i < kEntropyNodes; ++i) {
    nodes.push_back(entropy_node(quadratic.loss(), quadratic.center, i, options));
    const double exact = exact_loss(entropy_lambda(i));
    EXPECT_NEAR(nodes[i].loss.value, exact, 4.5 * nodes[i].loss.error) << i;
    EXPECT_LT(nodes[i].loss.error, 0.1 * exact) << i;
  }
  const LocalEntropy found = local_entropy(nodes, kBeta);
  EXPECT_NEAR(found.value, exact_entropy(), 4 * found.sampling_error);
  EXPECT_LT(found.sampling_error, 0.02 * std::abs(exact_entropy()));
  EXPECT_GE(found.error(), found.sampling_error);
  EXPECT_LE(found.unsettled, 1);
}

// The rule alone, on exact means.
TEST(LocalEntropy, IntegratesExactMeans) {
  std::vector<EntropyNode> nodes;
  for (std::size_t i = 0; i < kEntropyNodes; ++i)
    nodes.push_back({{exact_loss(entropy_lambda(i)), 0}, 1, i < 2 ? 5.0 : 1.0});
  const LocalEntropy found = local_entropy(nodes, kBeta);
  EXPECT_NEAR(found.value, exact_entropy(), 1e-6 * std::abs(exact_entropy()));
  EXPECT_EQ(found.sampling_error, 0);
  EXPECT_EQ(found.unsettled, 2);
  EXPECT_LT(found.quadrature_error, 1e-2);
  EXPECT_LE(std::abs(found.value - exact_entropy()), found.quadrature_error);
}

// Flatter wells of the same depth have more room.
TEST(LocalEntropy, IsLargerInAFlatWell) {
  const auto entropy_of = [](double curvature) {
    const Quadratic quadratic{0, vector_of({0, 0}), vector_of({0, 0}), diagonal({curvature, curvature})};
    std::vector<EntropyNode> nodes;
    for (std::size_t i = 0; i < kEntropyNodes; ++i)
      nodes.push_back(entropy_node(quadratic.loss(), quadratic.center, i, {.gamma = 1, .beta = 1, .steps = 500}));
    return local_entropy(nodes, 1);
  };
  const LocalEntropy flat = entropy_of(0.1), sharp = entropy_of(20);
  EXPECT_GT(flat.value - sharp.value, 3 * (flat.error() + sharp.error()));
  EXPECT_NEAR(flat.value, -std::log1p(0.1), 4 * flat.error());
  EXPECT_NEAR(sharp.value, -std::log1p(20), 4 * sharp.error());
}

// Steps of the largest size are independent draws of the Gaussian where the loss has no weight.
TEST(Langevin, WithoutTheLossIsTheGaussian) {
  const Quadratic quadratic{0, vector_of({0}), vector_of({0}), diagonal({2})};  // L = x^2
  const LangevinChain chain =
      langevin_chain(quadratic.loss(), quadratic.center, {.strength = 0, .variance = 0.25, .steps = 4000});
  EXPECT_EQ(chain.acceptance, 1);
  EXPECT_EQ(chain.step, 2);
  const Estimate independent = estimate_of(std::span<const double>(chain.losses));
  EXPECT_NEAR(independent.value, 0.25, 4 * independent.error);
  EXPECT_NEAR(independent.error, 0.25 * std::sqrt(2.0 / 4000), 0.1 * independent.error);
}

// Many parameters: the acceptance holds and the mean is right.
TEST(Langevin, InManyDimensions) {
  std::vector<double> values(3000, 0.01);
  values[7] = 400;
  const Quadratic quadratic{0, Tensor::zeros({3000}, DType::f64, cpu_backend()),
                            Tensor::zeros({3000}, DType::f64, cpu_backend()), diagonal(values)};
  const LangevinChain chain =
      langevin_chain(quadratic.loss(), quadratic.center, {.strength = 10, .variance = 0.01, .steps = 3000});
  EXPECT_GT(chain.acceptance, 0.4);
  EXPECT_LT(chain.acceptance, 0.85);
  double exact = 0;
  for (const double h : values) exact += h / 2 / (10 * h + 100);
  const Estimate mean = sequence_mean(chain.losses).estimate;
  EXPECT_NEAR(mean.value, exact, 4 * mean.error);
  EXPECT_LT(mean.error, 0.05 * exact);
}

TEST(Langevin, IsAFunctionOfItsSeedAndStream) {
  const Quadratic quadratic = well();
  const auto losses = [&](std::uint64_t seed, std::uint64_t stream) {
    return langevin_chain(quadratic.loss(), quadratic.center,
                          {.strength = 1, .variance = 0.1, .steps = 10, .seed = seed, .stream = stream})
        .losses;
  };
  EXPECT_EQ(losses(1, 0), losses(1, 0));
  EXPECT_NE(losses(1, 0), losses(2, 0));
  EXPECT_NE(losses(1, 0), losses(1, 1));
}

TEST(Langevin, RefusesALossThatIsNotFinite) {
  Quadratic quadratic = well();
  quadratic.value = std::nan("");
  expect_error([&] { langevin_chain(quadratic.loss(), quadratic.center, {.strength = 1}); }, {"is not finite"});
}

// x_k = 0.9 x_{k-1} + z: the mean of n has the variance 1 / (0.1^2 n), 19 times that of independent values.
TEST(SequenceMean, CountsCorrelations) {
  const Random random(1, 2);
  std::vector<double> values;
  double x = 0, squares = 0;
  constexpr int kRuns = 200, kSteps = 2000;
  double errors = 0;
  for (int run = 0; run < kRuns; ++run) {
    values.clear();
    for (int i = 0; i < kSteps; ++i)
      values.push_back(x = 0.9 * x + random.normal(static_cast<std::uint64_t>(run * kSteps + i)));
    const Estimate mean = sequence_mean(values).estimate;
    squares += mean.value * mean.value / kRuns;
    errors += mean.error / kRuns;
  }
  const double exact = std::sqrt(1 / (0.01 * kSteps));
  EXPECT_NEAR(std::sqrt(squares), exact, 0.2 * exact);
  EXPECT_GT(errors, 0.9 * std::sqrt(squares));
  EXPECT_LT(errors, 1.6 * std::sqrt(squares));
}

TEST(SequenceMean, ShowsADrift) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(i);
  EXPECT_GE(sequence_mean(values).estimate.error, 250);
  EXPECT_GT(sequence_mean(values).drift, 3);
  values[3] = std::nan("");
  EXPECT_TRUE(std::isnan(sequence_mean(values).estimate.error));
  EXPECT_FALSE(sequence_mean(values).drift <= 3);
  EXPECT_EQ(sequence_mean(std::vector<double>(100, 2.5)).drift, 0);
  expect_error([] { sequence_mean(std::vector<double>{1, 2, 3}); }, {"at least 4 values"});
}

}  // namespace
}  // namespace basin
