#include "landscape/curve/curve_evaluator.h"

#include <gtest/gtest.h>

#include "landscape/recomputed_statistics.h"
#include "landscape/surface_run.h"
#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"
#include "tests/landscape/small_networks.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// Two networks of one model, 16 x 16 x 1, and a curve between them.
struct TwoNetworks {
  explicit TwoNetworks(CurveKind kind = CurveKind::bezier, std::int64_t bends = 1)
      : small(small_networks()[13], 21, 5), other(random_state(small.model, 12)) {
    curve = make_curve(kind, small.state, other, bends);
    if (bends > 0) curve.points[1] = random_state(small.model, 13);
  }
  PointResult plain(const State& state, const EvaluationSet& set) const {
    return evaluate_point(*make_evaluator({&small.model, &state, nullptr, nullptr}, set), {});
  }

  SmallLandscape small;
  State other;
  Curve curve;
};

TEST(CurveEvaluator, EndsAreThePlainEvaluationsToTheLastBit) {
  for (const CurveKind kind : {CurveKind::linear, CurveKind::bezier, CurveKind::chain}) {
    const TwoNetworks two(kind, kind == CurveKind::linear ? 0 : 1);
    for (const BatchStatistics statistics : {BatchStatistics::stored, BatchStatistics::recomputed}) {
      EvaluationSet set = two.small.set();
      set.statistics = statistics;
      const auto evaluator = make_curve_evaluator(two.small.model, two.curve, set);
      const auto found = evaluate_points(*evaluator, {{0, 0}, {0.5, 0}, {1, 0}});
      EXPECT_TRUE(same_bits(found[0], two.plain(two.small.state, set)));
      EXPECT_TRUE(same_bits(found[2], two.plain(two.other, set)));
      EXPECT_FALSE(same_bits(found[1], found[0]));
      EXPECT_FALSE(same_bits(found[1], found[2]));
    }
  }
}

TEST(CurveEvaluator, InterpolatesTheStatisticsOrRecomputesThem) {
  const TwoNetworks two;
  EvaluationSet set = two.small.set();
  const State between = two.curve.at(0.3);
  const Point at{0.3, 0};
  EXPECT_TRUE(
      same_bits(evaluate_point(*make_curve_evaluator(two.small.model, two.curve, set), at), two.plain(between, set)));
  const PreparedImages batches(two.small.train, two.small.normalization, 8);
  const State renewed = with_recomputed_statistics(two.small.model, between, batches);
  set.statistics = BatchStatistics::recomputed;
  set.statistics_batch = 8;
  const PointResult found = evaluate_point(*make_curve_evaluator(two.small.model, two.curve, set), at);
  EvaluationSet stored = two.small.set();
  const auto autograd = make_evaluator({&two.small.model, &renewed, nullptr, nullptr}, stored, {.engine = "autograd"});
  EXPECT_TRUE(same_bits(found, evaluate_point(*autograd, {})));
}

// The log of surfaces keeps the points of a curve.
TEST(CurveEvaluator, InterruptedRunsGoOn) {
  const TwoNetworks two;
  const TemporaryFolder folder;
  const EvaluationSet set = two.small.set();
  const Grid grid = make_grid(parse_range("0:1:5", "t"));
  const auto evaluator = make_curve_evaluator(two.small.model, two.curve, set);
  const auto run = [&](const char* name, std::int64_t most) {
    SurfaceRun part(grid, set, folder / name, "{}");
    std::int64_t here = 0;
    part.run(
        *evaluator, [&](std::int64_t, const PointResult&) { ++here; }, [&] { return here >= most; });
    return std::pair{part.done(), part.surface().train->loss};
  };
  EXPECT_EQ(run("parts", 2).first, 2);
  EXPECT_EQ(run("parts", 1).first, 3);
  const auto parts = run("parts", 9), whole = run("whole", 9);
  EXPECT_EQ(parts.first, 5);
  EXPECT_EQ(parts.second, whole.second);
}

TEST(CurveEvaluator, RefusesPointsOffTheCurve) {
  const TwoNetworks two;
  const auto evaluator = make_curve_evaluator(two.small.model, two.curve, two.small.set());
  expect_error([&] { evaluate_point(*evaluator, {0.5, 0.1}); }, {"off the curve"});
  expect_error([&] { evaluate_point(*evaluator, {1.5, 0}); }, {"t = 1.5"});
}

}  // namespace
}  // namespace basin
