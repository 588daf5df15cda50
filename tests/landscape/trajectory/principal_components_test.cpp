#include "landscape/trajectory/principal_components.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "landscape/trajectory/gram.h"
#include "tests/expect_error.h"
#include "tests/landscape/trajectory/random_path.h"

namespace basin {
namespace {

constexpr std::size_t kElements = 500;

// Three orthonormal vectors.
std::vector<std::vector<float>> axes() {
  std::vector<std::vector<float>> result(3, std::vector<float>(kElements, 0));
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t i = 0; i < 4; ++i) result[k][100 * k + i] = i % 2 == 0 ? 0.5F : -0.5F;
  return result;
}

// A path of known coordinates on them, which ends in the origin.
struct Path {
  std::vector<double> u{9, 6, 4, 2, 1, 0}, v{0, 1, -1, 2, -0.5, 0}, w{0.1, -0.1, 0.1, -0.1, 0.1, 0};
  std::vector<float> row(std::size_t e) const {
    std::vector<float> result(kElements);
    const auto directions = axes();
    for (std::size_t i = 0; i < kElements; ++i)
      result[i] = static_cast<float>(u[e] * directions[0][i] + v[e] * directions[1][i] + w[e] * directions[2][i]);
    return result;
  }
  std::vector<double> gram() const {
    return gram_matrix(u.size(), kElements, [this](std::size_t e) { return row(e); });
  }
};

double sum_of_squares(const std::vector<double>& values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
}

TEST(PrincipalComponents, OfAKnownPath) {
  const Path path;
  for (const Centering centering : {Centering::none, Centering::mean}) {
    const PrincipalComponents found = principal_components(path.gram(), 6, 2, centering);
    ASSERT_EQ(found.coordinates.size(), 2u);
    // All variance is in three dimensions.
    EXPECT_NEAR(found.variance_ratio[0] + found.variance_ratio[1] + found.variance_ratio[2], 1, 1e-10);
    EXPECT_GT(found.variance_ratio[0] + found.variance_ratio[1], 0.99);
    double squares = sum_of_squares(path.u) + sum_of_squares(path.v) + sum_of_squares(path.w);
    if (centering == Centering::mean)
      for (const std::vector<double>& x : {path.u, path.v, path.w})
        squares -= std::pow(std::accumulate(x.begin(), x.end(), 0.0), 2) / 6;
    EXPECT_NEAR(sum_of_squares(found.singular_values), squares, 1e-5);
    EXPECT_NEAR(found.explained_variance[0], std::pow(found.singular_values[0], 2) / 5, 1e-9);
    // Weights give unit vectors, orthogonal to each other, and the coordinates are the inner products with them.
    std::vector<std::vector<double>> components(2, std::vector<double>(kElements, 0.0));
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t e = 0; e < 6; ++e)
        for (std::size_t i = 0; i < kElements; ++i)
          components[k][i] += found.weights[k][e] * static_cast<double>(path.row(e)[i]);
    EXPECT_NEAR(sum_of_squares(components[0]), 1, 1e-6);
    EXPECT_NEAR(sum_of_squares(components[1]), 1, 1e-5);
    EXPECT_NEAR(std::inner_product(components[0].begin(), components[0].end(), components[1].begin(), 0.0), 0, 1e-6);
    for (std::size_t e = 0; e < 6; ++e) {
      double product = 0;
      for (std::size_t i = 0; i < kElements; ++i) product += components[0][i] * static_cast<double>(path.row(e)[i]);
      EXPECT_NEAR(found.coordinates[0][e], product, 1e-5);
    }
    EXPECT_GT(found.coordinates[0][0], 0);  // the far end is on the positive side
    EXPECT_NEAR(found.coordinates[0][5], 0, 1e-9);
  }
}

// Without centring the first component of a path far from the origin points to it; with centring, along it.
TEST(PrincipalComponents, CenteringMatters) {
  const std::vector<std::vector<double>> points{{10, -1}, {10, 0}, {10, 1}};  // u, v
  std::vector<double> gram(9);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) gram[i * 3 + j] = points[i][0] * points[j][0] + points[i][1] * points[j][1];
  const PrincipalComponents plain = principal_components(gram, 3, 2, Centering::none);
  EXPECT_NEAR(plain.variance_ratio[0], 300.0 / 302, 1e-12);
  const PrincipalComponents centered = principal_components(gram, 3, 2, Centering::mean);
  EXPECT_NEAR(centered.variance_ratio[0], 1, 1e-12);
  EXPECT_EQ(centered.coordinates.size(), 1u);  // there is no second
  EXPECT_NEAR(std::abs(centered.coordinates[0][0]), 1, 1e-9);
}

TEST(PrincipalComponents, RefusesWhatHasNone) {
  expect_error([] { principal_components({1}, 1, 2, Centering::none); }, {"at least 2 points, found 1"});
  expect_error([] { principal_components({1, 2, 2, std::nan("")}, 2, 2, Centering::none); }, {"not finite"});
  expect_error([] { parse_centering("median"); }, {"--centering", "none or mean", "'median'"});
}

// Centred, in the limit of long walks: 6 / (pi k)^2.
TEST(RandomWalk, RatiosAreThoseOfTheory) {
  const std::vector<double> ratios = random_walk_ratios(400, 4, Centering::mean);
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_NEAR(ratios[k], 6 / std::pow(std::numbers::pi * static_cast<double>(k + 1), 2), 0.005) << k;
  // Relative to an end: 8 / ((2 k - 1) pi)^2, the spectrum of Brownian motion.
  const std::vector<double> anchored = random_walk_ratios(400, 4, Centering::none);
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_NEAR(anchored[k], 8 / std::pow(std::numbers::pi * static_cast<double>(2 * k + 1), 2), 0.005) << k;
}

TEST(RandomWalk, RatiosAreThoseOfWalks) {
  constexpr std::size_t kPoints = 12, kDimensions = 20'000;
  std::vector<std::vector<float>> positions(kPoints, std::vector<float>(kDimensions, 0.0F));
  for (std::size_t e = 1; e < kPoints; ++e) {
    const std::vector<float> step = random_row(kDimensions, e);
    for (std::size_t i = 0; i < kDimensions; ++i) positions[e][i] = positions[e - 1][i] + step[i];
  }
  const std::vector<float> last = positions.back();
  for (std::vector<float>& position : positions)
    for (std::size_t i = 0; i < kDimensions; ++i) position[i] -= last[i];
  const std::vector<double> gram = gram_matrix(kPoints, kDimensions, [&](std::size_t e) { return positions[e]; });
  for (const Centering centering : {Centering::none, Centering::mean}) {
    const std::vector<double> expected = random_walk_ratios(kPoints, 3, centering);
    const std::vector<double> found = principal_components(gram, kPoints, 2, centering).variance_ratio;
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(found[k], expected[k], 0.01) << k;
  }
}

}  // namespace
}  // namespace basin
