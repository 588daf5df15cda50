#include "landscape/hessian/extremes.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>

#include "data/preprocess.h"
#include "tests/landscape/hessian/known_spectrum.h"

namespace basin {
namespace {

// A bulk in (-1, 1) and outliers, as Hessians of networks have them.
std::vector<double> bulk_and_outliers(std::int64_t size) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(std::cos(static_cast<double>(i)));
  values[2] = 30;
  values[7] = 21.5;
  values[11] = 14;
  values[13] = -4;
  values[17] = -2.5;
  return values;
}

TEST(Extremes, OfAKnownSpectrum) {
  const SymmetricOperator apply = reflected_diagonal(bulk_and_outliers(400));
  const Extremes found = extremes(apply, {400, DType::f64, &cpu_backend()},
                                  {.largest = 3, .smallest = 2, .tolerance = 1e-8}, /*vectors=*/true);
  ASSERT_TRUE(found.converged());
  EXPECT_LT(found.products, 100);
  const double largest[] = {30, 21.5, 14}, smallest[] = {-4, -2.5};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(found.largest[i].value, largest[i], 1e-6);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found.smallest[i].value, smallest[i], 1e-6);
  for (std::size_t i = 0; i < 3; ++i) {
    const Tensor& y = found.largest_vectors[i];
    EXPECT_LE(length(sum_of(apply(y), -largest[i], y)), 1e-6);
  }
}

TEST(Extremes, InSinglePrecision) {
  const Extremes found = extremes(reflected_diagonal(bulk_and_outliers(3000), DType::f32),
                                  {3000, DType::f32, &cpu_backend()}, {.tolerance = 1e-4});
  ASSERT_TRUE(found.converged());
  EXPECT_NEAR(found.largest[0].value, 30, 30 * 1e-5);
  EXPECT_NEAR(found.smallest[0].value, -4, 30 * 1e-5);
}

TEST(Extremes, SayWhatHasNotConverged) {
  const Extremes found = extremes(reflected_diagonal(bulk_and_outliers(400)), {400, DType::f64, &cpu_backend()},
                                  {.largest = 6, .smallest = 6, .tolerance = 1e-8, .products = 20});
  EXPECT_FALSE(found.converged());
  EXPECT_TRUE(found.largest[0].converged);
  EXPECT_FALSE(found.smallest[5].converged);
  EXPECT_GT(found.smallest[5].residual, 1e-8 * 30);
  EXPECT_EQ(found.products, 20);
}

TEST(Extremes, FewerThanAskedForWhereTheSpaceIsSmall) {
  const Extremes found =
      extremes(reflected_diagonal({5, 1, -3}), {3, DType::f64, &cpu_backend()}, {.largest = 5, .smallest = 1});
  EXPECT_EQ(found.largest.size(), 3u);
  EXPECT_TRUE(found.converged());
  EXPECT_NEAR(found.largest[0].value, 5, 1e-10);
  EXPECT_NEAR(found.smallest[0].value, -3, 1e-10);
}

TEST(Extremes, EndWhenTheWatchSaysSo) {
  const Extremes found =
      extremes(reflected_diagonal(bulk_and_outliers(400)), {400, DType::f64, &cpu_backend()},
               {.tolerance = 1e-12,
                .watch = [](std::int64_t products, const std::vector<RitzValue>&) { return products == 4; }});
  EXPECT_EQ(found.products, 4);
  EXPECT_FALSE(found.converged());
}

// The spectrum that known_spectrum.h derives.
TEST(Extremes, OfALinearClassifier) {
  const LinearClassifier linear;
  std::vector<float> pixels(static_cast<std::size_t>(linear.images.count * LinearClassifier::kFeatures));
  normalize(linear.images, linear.normalization, 0, linear.images.count, pixels.data());
  const Eigen::MatrixXd x =
      Eigen::Map<const Eigen::MatrixXf>(pixels.data(), LinearClassifier::kFeatures, linear.images.count).cast<double>();
  const double scale = static_cast<double>(linear.images.count * LinearClassifier::kClasses);
  const Eigen::VectorXd exact = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(x * x.transpose() / scale).eigenvalues();
  const LossFunction loss = linear.loss({.block = 16, .dtype = DType::f64});
  const Tensor point = loss.center();
  const Extremes found = extremes([&](const Tensor& v) { return loss.hessian_product(point, v); }, type_of(point),
                                  {.largest = 4, .smallest = 1, .tolerance = 1e-9});
  ASSERT_TRUE(found.converged());
  ASSERT_EQ(found.largest.size(), 4u);
  EXPECT_NEAR(found.largest[0].value, exact.maxCoeff(), 1e-6 * exact.maxCoeff());
  // The others are eigenvalues too; rounding may or may not have brought out the copies of one.
  for (const Eigenvalue& value : found.largest)
    EXPECT_LE((exact.array() - value.value).abs().minCoeff(), 1e-6 * exact.maxCoeff()) << value.value;
  EXPECT_NEAR(found.smallest[0].value, 0, 1e-6 * exact.maxCoeff());
}

}  // namespace
}  // namespace basin
