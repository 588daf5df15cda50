#include "landscape/curve/barrier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"
#include "tests/landscape/small_networks.h"

namespace basin {
namespace {

using Values = std::vector<double>;
const Values kFive{0, 0.25, 0.5, 0.75, 1};

TEST(Barrier, IsTheLargestExcessOverTheLineBetweenTheEnds) {
  const Barrier barrier = barrier_of(kFive, Values{1, 2, 2.75, 3, 3});  // above 1, 1.5, 2, 2.5, 3
  EXPECT_EQ(barrier.height, 0.75);
  EXPECT_EQ(barrier.t, 0.5);
}

TEST(Barrier, IsZeroWhereNothingRises) {
  const Barrier barrier = barrier_of(kFive, Values{1, 1.4, 1.9, 2.5, 3});
  EXPECT_EQ(barrier.height, 0);
  EXPECT_EQ(barrier.t, 0);
}

TEST(Barrier, IsNotANumberWhereAValueIsNot) {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  const Barrier inside = barrier_of(kFive, Values{1, 5, nan, 9, 1});
  EXPECT_TRUE(std::isnan(inside.height));
  EXPECT_EQ(inside.t, 0.5);
  EXPECT_TRUE(std::isnan(barrier_of(kFive, Values{1, 1, 1, 1, nan}).height));
  EXPECT_EQ(barrier_of(kFive, Values{1, 1, infinity, 1, 1}).height, infinity);
}

TEST(Barrier, RefusesPointsThatDoNotSpanTheCurve) {
  expect_error([] { barrier_of(Values{0, 0.5}, Values{1, 2}); }, {"0 to 1"});
  expect_error([] { barrier_of(kFive, Values{1, 2}); }, {"5 points"});
}

// What all networks share cancels: only the spread of the differences is left.
TEST(Barrier, ErrorIsOfLossesPairedByImage) {
  const Values first{1, 100, 3}, last{2, 200, 1}, inside{1.5 + 1, 150.0 + 2, 2 + 3};
  const Estimate excess = paired_excess(first, inside, last, 0.5);
  EXPECT_NEAR(excess.value, 2, 1e-13);
  EXPECT_NEAR(excess.error, 1 / std::sqrt(3.0), 1e-13);
  expect_error([&] { paired_excess(first, inside, Values{1}, 0.5); }, {"1 images"});
}

TEST(Barrier, ImageLossesAreThoseOfTheEvaluator) {
  const SmallLandscape small(small_networks()[3], 70, 1);
  const PreparedImages images(small.train, small.normalization, 64);
  const Measurement found = measure(image_losses(small.model, small.state, images, Objective::cross_entropy));
  const Plane plane{&small.model, &small.state, nullptr, nullptr};
  const PointResult truth = evaluate_point(*make_evaluator(plane, small.set(), {.engine = "autograd"}), {});
  EXPECT_NEAR(found.loss, truth.train.loss, 1e-6 * truth.train.loss);
  EXPECT_NEAR(found.loss_error, truth.train.loss_error, 1e-5 * truth.train.loss_error);
  EXPECT_EQ(found.accuracy, truth.train.accuracy);
}

}  // namespace
}  // namespace basin
