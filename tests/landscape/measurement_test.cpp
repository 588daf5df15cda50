#include "landscape/measurement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace basin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

ImageLoss cross_entropy(std::vector<float> logits, std::int32_t label) {
  return image_loss(logits, label, Objective::cross_entropy);
}

TEST(ImageLoss, CrossEntropy) {
  const ImageLoss a = cross_entropy({1, 2, 3}, 0);
  EXPECT_NEAR(a.loss, std::log(std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 1, 1e-14);
  EXPECT_FALSE(a.correct);
  EXPECT_TRUE(a.finite);
  EXPECT_TRUE(cross_entropy({1, 2, 3}, 2).correct);
  EXPECT_NEAR(cross_entropy({1e30F, -1e30F}, 1).loss, 2e30, 1e24);  // no overflow on the way
}

TEST(ImageLoss, SquaredError) {
  const ImageLoss a = image_loss(std::vector<float>{0, 0, 0, 0}, 1, Objective::squared_error);
  EXPECT_NEAR(a.loss, (3 * 0.0625 + 0.5625) / 4, 1e-15);
}

TEST(ImageLoss, TheFirstOfEqualLogitsIsThePrediction) {
  EXPECT_TRUE(cross_entropy({2, 2, 1}, 0).correct);
  EXPECT_FALSE(cross_entropy({2, 2, 1}, 1).correct);
}

TEST(ImageLoss, NonFiniteLogitsAreDataAndFlagged) {
  for (const std::int32_t label : {0, 1}) {
    const ImageLoss nan = cross_entropy({NAN, 1}, label);
    EXPECT_TRUE(std::isnan(nan.loss));
    EXPECT_FALSE(nan.correct);
    EXPECT_FALSE(nan.finite);
  }
  EXPECT_FALSE(cross_entropy({1, kInfinity}, 1).finite);
  EXPECT_EQ(cross_entropy({-kInfinity, 1}, 0).loss, static_cast<double>(kInfinity));
}

TEST(Measure, MeansAndStandardErrors) {
  const std::vector<ImageLoss> images{{1, true, true}, {2, false, true}, {4, true, true}, {5, true, false}};
  const Measurement m = measure(images);
  EXPECT_DOUBLE_EQ(m.loss, 3);
  EXPECT_DOUBLE_EQ(m.loss_error, std::sqrt(10.0 / 3 / 4));
  EXPECT_DOUBLE_EQ(m.accuracy, 75);
  // values 100, 0, 100, 100: sample variance 2500
  EXPECT_DOUBLE_EQ(m.accuracy_error, std::sqrt(2500.0 / 4));
  EXPECT_EQ(m.non_finite, 1);
  EXPECT_TRUE(std::isnan(measure({images.data(), 1}).loss_error));
}

}  // namespace
}  // namespace basin
