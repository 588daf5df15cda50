#include "landscape/classwise_evaluator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "landscape/engines.h"
#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

TEST(ClasswiseEvaluator, ClassesMakeUpTheWholeOnEveryEngine) {
  const SmallLandscape small("resnet8", 23, 6);
  const std::vector<Point> points{{0, 0}, {0.4, -0.3}, {1, 1}};
  for (const Engine& engine : cpu_engines()) {
    if (!obstacle_of(engine).empty()) continue;
    SCOPED_TRACE(engine.name);
    const auto whole = make_evaluator(small.plane(), small.set(), {.engine = engine.name});
    const auto parts = make_classwise_evaluator(small.plane(), small.set(), {.engine = engine.name}, 2);
    EXPECT_EQ(parts->engine(), whole->engine());
    const std::vector<PointResult> expected = evaluate_points(*whole, points), found = evaluate_points(*parts, points);
    for (std::size_t i = 0; i < points.size(); ++i)
      for (const auto set : {&PointResult::train, &PointResult::test}) {
        const Measurement &a = found[i].*set, &b = expected[i].*set;
        EXPECT_NEAR(a.loss, b.loss, 1e-6 * b.loss);
        EXPECT_NEAR(a.loss_error, b.loss_error, 1e-5 * b.loss_error);
        EXPECT_NEAR(a.accuracy, b.accuracy, 1e-9);
        EXPECT_NEAR(a.accuracy_error, b.accuracy_error, 1e-9);
      }
  }
}

// Each class's losses are those of its images alone.
TEST(ClasswiseEvaluator, AClassIsItsImages) {
  const SmallLandscape small("resnet8", 40, 3);
  const auto parts = make_classwise_evaluator(small.plane(), small.set(), {.engine = "autograd"});
  const PointResult found = evaluate_point(*parts, {0.2, 0.1});
  ASSERT_EQ(found.train_classes.size(), 10u);
  Images sevens = small.train.first(0);
  for (std::int64_t i = 0; i < small.train.count; ++i)
    if (small.train.labels[static_cast<std::size_t>(i)] == 7) {
      const auto begin = small.train.pixels.begin() + i * small.train.image_size();
      sevens.pixels.insert(sevens.pixels.end(), begin, begin + small.train.image_size());
      sevens.labels.push_back(7);
      ++sevens.count;
    }
  ASSERT_GT(sevens.count, 1);
  const auto alone = make_evaluator(small.plane(), {&sevens, nullptr, small.normalization}, {.engine = "autograd"});
  EXPECT_TRUE(same_bits(evaluate_point(*alone, {0.2, 0.1}).train, found.train_classes[7]));
  // Three test images: most classes have none.
  EXPECT_TRUE(std::isnan(found.test_classes[9].loss));
}

TEST(ClasswiseEvaluator, GivesOutWholePointsAlone) {
  const SmallLandscape small("resnet8", 12, 3);
  const auto parts = make_classwise_evaluator(small.plane(), small.set(), {.engine = "autograd"}, 1);
  int asked = 0, done = 0;
  const std::vector<Point> points(5);
  parts->evaluate(
      points, [&](std::size_t, const PointResult&) { ++done; }, [&] { return ++asked > 30; });
  EXPECT_GT(done, 0);
  EXPECT_LT(done, 5);
}

TEST(ClasswiseEvaluator, RefusesRecomputedStatistics) {
  const SmallLandscape small("resnet8", 12, 3);
  EvaluationSet set = small.set();
  set.statistics = BatchStatistics::recomputed;
  expect_error([&] { make_classwise_evaluator(small.plane(), set); }, {"losses of each class", "recomputed"});
}

}  // namespace
}  // namespace basin
