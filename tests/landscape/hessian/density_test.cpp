#include "landscape/hessian/density.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/landscape/hessian/known_spectrum.h"

namespace basin {
namespace {

constexpr std::int64_t kSize = 300;

// Two thirds in [0, 1], a third in [4, 5].
std::vector<double> two_bands() {
  std::vector<double> values;
  for (std::int64_t i = 0; i < kSize; ++i)
    values.push_back(std::fmod(static_cast<double>(i) * 0.618034, 1) + (i % 3 == 0 ? 4 : 0));
  return values;
}

std::vector<Quadrature> probes_of(const std::vector<double>& values, std::int64_t steps, std::uint64_t count) {
  const SymmetricOperator apply = reflected_diagonal(values);
  std::vector<Quadrature> probes;
  for (std::uint64_t i = 0; i < count; ++i)
    probes.push_back(
        density_quadrature(apply, {static_cast<std::int64_t>(values.size()), DType::f64, &cpu_backend()}, steps, 1, i));
  return probes;
}

TEST(Density, MomentsAreThoseOfTheSpectrum) {
  const std::vector<double> values = two_bands();
  const std::vector<Quadrature> probes = probes_of(values, 8, 40);
  for (int power = 0; power < 10; ++power) {
    double exact = 0;
    for (const double value : values) exact += std::pow(value, power) / static_cast<double>(kSize);
    const Estimate moment = spectral_moment(probes, power);
    EXPECT_NEAR(moment.value, exact, 4 * moment.error + 1e-12 * exact) << power;
    EXPECT_LT(moment.error, 0.05 * exact) << power;
  }
}

// Moments up to 2 steps - 1 are exact for each start: z . A^p z.
TEST(Density, QuadratureIsExactForLowPowers) {
  const SymmetricOperator apply = reflected_diagonal(two_bands());
  const VectorType type{kSize, DType::f64, &cpu_backend()};
  const Quadrature probe = density_quadrature(apply, type, 4, 1, 0);
  Tensor z = normal_probe(type, 1, "density probe", 0);
  z = scaled(z, 1 / length(z));
  Tensor power = z;
  for (int p = 0; p < 8; ++p) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k) sum += probe.weights[k] * std::pow(probe.nodes[k], p);
    EXPECT_NEAR(sum, inner_product(z, power), 1e-9 * sum) << p;
    power = apply(power);
  }
}

TEST(Density, HasTheMassOfEachBand) {
  const std::vector<Quadrature> probes = probes_of(two_bands(), 20, 30);
  const Density density = spectral_density(probes, 801, 0.05);
  const double step = density.at[1] - density.at[0];
  double all = 0, low = 0, low_error = 0, between = 0;
  for (std::size_t i = 0; i < density.at.size(); ++i) {
    all += density.density[i] * step;
    if (density.at[i] < 2.5) {
      low += density.density[i] * step;
      low_error += density.error[i] * step;
    }
    if (density.at[i] > 1.5 && density.at[i] < 3.5) between = std::max(between, density.density[i]);
  }
  EXPECT_NEAR(all, 1, 1e-3);
  EXPECT_NEAR(low, 2.0 / 3, 0.02);
  EXPECT_GT(low_error, 0);
  EXPECT_LT(between, 0.05);
}

TEST(Density, OfASpectrumOfOneValue) {
  const std::vector<Quadrature> probes = probes_of(std::vector<double>(50, 2.0), 8, 2);
  EXPECT_EQ(probes[0].nodes.size(), 1u);
  EXPECT_NEAR(probes[0].nodes[0], 2, 1e-12);
  EXPECT_EQ(usual_width(probes), 1);
  expect_error([&] { spectral_density(probes, 10, 0); }, {"width of 0"});
}

}  // namespace
}  // namespace basin
