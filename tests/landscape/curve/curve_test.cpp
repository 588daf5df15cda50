#include "landscape/curve/curve.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/curve/flat_states.h"

namespace basin {
namespace {

using Values = std::vector<double>;

TEST(Curve, CoefficientsAreThoseOfTheFormulas) {
  EXPECT_EQ(curve_coefficients(CurveKind::linear, 2, 0.25), (Values{0.75, 0.25}));
  EXPECT_EQ(curve_coefficients(CurveKind::bezier, 3, 0.25), (Values{0.5625, 0.375, 0.0625}));
  EXPECT_EQ(curve_coefficients(CurveKind::bezier, 4, 0.5), (Values{0.125, 0.375, 0.375, 0.125}));
  EXPECT_EQ(curve_coefficients(CurveKind::chain, 3, 0.125), (Values{0.75, 0.25, 0}));
  EXPECT_EQ(curve_coefficients(CurveKind::chain, 3, 0.5), (Values{0, 1, 0}));
  EXPECT_EQ(curve_coefficients(CurveKind::chain, 4, 1), (Values{0, 0, 0, 1}));
  EXPECT_EQ(curve_coefficients(CurveKind::bezier, 5, 0), (Values{1, 0, 0, 0, 0}));
  for (const double t : {-0.1, 1.1, std::nan("")})
    expect_error([&] { curve_coefficients(CurveKind::chain, 3, t); }, {"curve: t", "0 to 1"});
}

// Values that no sum in between could give back, infinities and NaN among them.
TEST(Curve, EndsAreTheNetworksToTheLastBit) {
  const State first = flat_state<float>({0.1F, 1e-30F, std::numeric_limits<float>::infinity()});
  const State last = flat_state<float>({0.3F, 7e20F, 1});
  for (const auto& [kind, bends] : {std::pair{CurveKind::linear, 0}, {CurveKind::bezier, 1}, {CurveKind::chain, 2}}) {
    const Curve curve = make_curve(kind, first, last, bends);
    EXPECT_EQ(values_of<float>(curve.at(0)), values_of<float>(first));
    EXPECT_EQ(values_of<float>(curve.at(1)), values_of<float>(last));
  }
}

// Integers and shares of powers of two: every sum is exact.
TEST(Curve, ChainOfBendsOnTheLineIsTheLine) {
  const State first = flat_state<float>({-8, 16, 1024, 0}), last = flat_state<float>({8, -48, 0, 4096});
  const Curve line = make_curve(CurveKind::linear, first, last, 0);
  for (const int bends : {1, 3, 7}) {
    const Curve chain = make_curve(CurveKind::chain, first, last, bends);
    const Curve bezier = make_curve(CurveKind::bezier, first, last, bends);
    for (int i = 0; i <= 32; ++i) {
      EXPECT_EQ(values_of<float>(chain.at(i / 32.0)), values_of<float>(line.at(i / 32.0))) << bends << " " << i;
      EXPECT_EQ(values_of<float>(bezier.at(i / 32.0)), values_of<float>(line.at(i / 32.0))) << bends << " " << i;
    }
  }
}

TEST(Curve, LengthOfAParabolaIsTheClosedForm) {
  // y = x^2 from x = 0: sqrt(1 + 4 x^2) x / 2 + asinh(2 x) / 4
  const auto length = [](double x) { return x * std::sqrt(1 + 4 * x * x) / 2 + std::asinh(2 * x) / 4; };
  const Curve curve{CurveKind::bezier, {flat_state({0, 0}), flat_state({0.5, 0}), flat_state({1, 1})}};
  const Values t{0, 0.1, 0.5, 0.5, 1}, lengths = arc_lengths(curve, t);
  for (std::size_t i = 0; i < t.size(); ++i) EXPECT_NEAR(lengths[i], length(t[i]), 1e-9) << t[i];
  EXPECT_NEAR(straight_length(curve), std::sqrt(2.0), 1e-15);
}

// There and back on one line: the speed reaches 0 in between.
TEST(Curve, LengthOfACurveThatTurnsBack) {
  // x(t) = 4 t (1 - t): up to 1 and down again
  const Curve curve{CurveKind::bezier, {flat_state({0}), flat_state({2}), flat_state({0})}};
  EXPECT_NEAR(arc_lengths(curve, Values{0.3, 1}).back(), 2, 1e-8);
}

TEST(Curve, LengthOfAChainIsTheSumOfItsSegments) {
  const Curve curve{CurveKind::chain, {flat_state({0, 0}), flat_state({3, 4}), flat_state({3, 16})}};
  EXPECT_EQ(arc_lengths(curve, Values{0, 0.25, 0.5, 0.75, 1}), (Values{0, 2.5, 5, 11, 17}));
}

TEST(Curve, LengthLeavesOutTheStatistics) {
  const auto state = [](double weight, double mean) {
    State s = flat_state<double>({weight});
    s.add(
        {.name = "mean", .role = Role::running_mean, .value = Tensor::from<double>({1}, Values{mean}, cpu_backend())});
    return s;
  };
  const Curve line = make_curve(CurveKind::linear, state(1, 5), state(3, 9), 0);
  EXPECT_EQ(straight_length(line), 2);
  EXPECT_EQ(line.at(0.5).entries()[1].value.item(), 7);
}

TEST(Curve, RefusesWhatDoesNotFit) {
  const State state = flat_state<float>({1, 2});
  expect_error(
      [&] {
        make_curve(CurveKind::linear, state, flat_state<float>({1, 2, 3}), 0);
      },
      {"weight", "(2)", "(3)"});
  expect_error([&] { make_curve(CurveKind::linear, state, flat_state<float>({1, 2}, "other"), 0); }, {"other"});
  expect_error([&] { make_curve(CurveKind::linear, state, state, 1); }, {"linear", "no bends"});
  expect_error([&] { make_curve(CurveKind::bezier, state, state, 0); }, {"bezier", "at least one bend"});
  expect_error([] { parse_curve_kind("beziers", "--kind"); }, {"--kind", "did you mean bezier?"});
}

}  // namespace
}  // namespace basin
