#include "landscape/evaluator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "landscape/engines.h"
#include "landscape/verify.h"
#include "tests/expect_error.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

// An engine that runs here, but for the check of all others, and what is asked of it.
struct Arithmetic {
  std::string engine;
  LandscapePrecision precision = LandscapePrecision::exact;
};
void PrintTo(const Arithmetic& arithmetic, std::ostream* stream) {
  *stream << arithmetic.engine << ", " << name_of(arithmetic.precision);
}
std::string test_name(const testing::TestParamInfo<Arithmetic>& info) {
  return info.param.engine + "_" + name_of(info.param.precision);
}

std::vector<Arithmetic> arithmetics(bool with_fast) {
  std::vector<Arithmetic> result;
  for (const Engine& engine : cpu_engines()) {
    if (engine.name == "autograd" || !obstacle_of(engine).empty()) continue;
    result.push_back({engine.name});
    if (with_fast && engine.fast != engine.exact) result.push_back({engine.name, LandscapePrecision::fast});
  }
  return result;
}

class EachEngine : public testing::TestWithParam<Arithmetic> {
 protected:
  static std::unique_ptr<Evaluator> make(const Plane& plane, const EvaluationSet& set, int threads = 2) {
    return make_evaluator(plane, set, {GetParam().engine, threads, GetParam().precision});
  }
  static std::unique_ptr<Evaluator> make(const SmallLandscape& small, int threads = 2) {
    return make(small.plane(), small.set(), threads);
  }
  // Both sets of `images` and 1 images against the forward in float64.
  static void expect_oracle(const std::string& name, const DirectionOptions& options, std::int64_t images);
};
class ExactEngine : public EachEngine {};
INSTANTIATE_TEST_SUITE_P(Engines, EachEngine, testing::ValuesIn(arithmetics(true)), test_name);
INSTANTIATE_TEST_SUITE_P(Engines, ExactEngine, testing::ValuesIn(arithmetics(false)), test_name);

void EachEngine::expect_oracle(const std::string& name, const DirectionOptions& options, std::int64_t images) {
  const SmallLandscape small(name, images, 1, options);
  const auto evaluator = make(small);
  for (const Point& point : {Point{0, 0}, Point{0.5, -0.25}}) {
    const PointResult result = evaluate_point(*evaluator, point);
    const double train = loss_in_double(small, small.train, point), test = loss_in_double(small, small.test, point);
    EXPECT_LE(std::abs(result.train.loss - train), 1e-5 * std::abs(train)) << name << " at " << point.alpha;
    EXPECT_LE(std::abs(result.test.loss - test), 1e-5 * std::abs(test)) << name << " at " << point.alpha;
  }
}

TEST_P(ExactEngine, AgreesWithTheForwardInDouble) {
  expect_oracle("resnet20", {}, 18);
  expect_oracle("resnet20-noshort", {}, 3);
  expect_oracle("vgg9", {}, 3);
  expect_oracle("densenet121", {}, 1);
}

TEST_P(ExactEngine, MovesBatchNormToo) {
  expect_oracle("resnet20", {DirectionKind::weights, Norm::filter, Ignore::none}, 3);
  expect_oracle("resnet20", {DirectionKind::states, Norm::layer, Ignore::none}, 3);
}

TEST_P(ExactEngine, AgreesWithTheAutogradEngine) {
  const SmallLandscape small("resnet20", 40, 20);
  const auto evaluator = make(small);
  const Grid grid{{-0.5, 0.5, 5}, {0.5, -0.5, 3}, true};
  const Verification result = verify(*evaluator, small.plane(), small.set(), grid, 6, 1);
  EXPECT_EQ(result.points, 6);
  EXPECT_LE(result.largest_difference, 1e-5);
}

TEST_P(EachEngine, SameBitsOnAnyNumberOfThreadsAndInAnyOrder) {
  const SmallLandscape small("resnet20", 70, 33);
  std::vector<Point> points;
  for (int i = 0; i < 5; ++i) points.push_back({-1 + 0.5 * i, 0.3 * i});
  const auto truth = evaluate_points(*make(small, 1), points);
  for (const int threads : {2, 7}) {
    const auto evaluator = make(small, threads);
    const auto results = evaluate_points(*evaluator, points);
    const auto backwards = evaluate_points(*evaluator, {points.rbegin(), points.rend()});
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_TRUE(same_bits(results[i], truth[i])) << threads << " threads, point " << i;
      EXPECT_TRUE(same_bits(backwards[points.size() - 1 - i], truth[i])) << threads << " threads, point " << i;
      EXPECT_TRUE(same_bits(evaluate_point(*evaluator, points[i]), truth[i])) << threads << " threads, point " << i;
    }
  }
}

TEST_P(EachEngine, TheCentreIsThePlainEvaluationToTheLastBit) {
  const SmallLandscape small("resnet20");
  const Plane nowhere{&small.model, &small.state, nullptr, nullptr};
  const PointResult plain = evaluate_point(*make(nowhere, small.set()), {});
  EXPECT_TRUE(same_bits(evaluate_point(*make(small), {0, 0}), plain));
  // One image set at a time gives what both in one pass give.
  EvaluationSet test_alone = small.set();
  test_alone.train = nullptr;
  EXPECT_TRUE(same_bits(evaluate_point(*make(small.plane(), test_alone), {0, 0}).test, plain.test));
}

TEST_P(EachEngine, AnImagesResultDoesNotDependOnItsNeighbours) {
  // The same image at every place of a block and of the padded last block.
  SmallLandscape small("resnet20", 21);
  for (std::int64_t i = 1; i < 21; ++i)
    std::copy_n(small.train.pixels.begin(), small.train.image_size(),
                small.train.pixels.begin() + static_cast<std::ptrdiff_t>(i * small.train.image_size()));
  std::fill(small.train.labels.begin(), small.train.labels.end(), 3);
  // A different float32 logit would show at 1e-8.
  EXPECT_LE(evaluate_point(*make(small), {0.3, 0.1}).train.loss_error, 1e-13);
}

// Scaling filters together with their batch-norm statistics leaves the function as it is, and so the filter-normalised
// surface (Li et al. 2018, section 4).
TEST_P(ExactEngine, SurfaceIsInvariantToFilterScale) {
  const SmallLandscape small("resnet20");
  State scaled = small.state.clone();
  for (const char* layer : {"1", "2"}) {
    const double factor = 7.5;
    const std::string block = "layer2.1.";
    for (Entry& entry : scaled.entries()) {
      const bool by_one =
          entry.name == block + "conv" + layer + ".weight" || entry.name == block + "bn" + layer + ".running_mean";
      const bool squared = entry.name == block + "bn" + layer + ".running_var";
      if (by_one || squared) entry.value = (entry.value * (squared ? factor * factor : factor)).detach();
    }
  }
  const Direction x = random_direction(scaled, {}, 5, 0), y = random_direction(scaled, {}, 5, 1);
  const std::vector<Point> points{{0, 0}, {0.5, 0.5}, {-1, 0.25}, {1, -1}};
  const auto plain = evaluate_points(*make(small), points);
  const auto other = evaluate_points(*make({&small.model, &scaled, &x, &y}, small.set()), points);
  for (std::size_t i = 0; i < points.size(); ++i)
    EXPECT_LE(std::abs(other[i].train.loss - plain[i].train.loss), 1e-4 * std::abs(plain[i].train.loss)) << i;
}

TEST_P(EachEngine, NotANumberIsNotHiddenByRelu) {
  SmallLandscape small("resnet20-noshort");
  small.state.find("layer1.0.bn1.running_var")->value.mutable_view().as<float>()[2] = -1;
  const PointResult result = evaluate_point(*make(small), {});
  EXPECT_TRUE(std::isnan(result.train.loss));
  EXPECT_EQ(result.train.non_finite, small.train.count);
  EXPECT_EQ(result.train.accuracy, 0);
}

TEST_P(EachEngine, OverflowGivesWhatTheAutogradEngineGives) {
  const SmallLandscape small("resnet20-noshort", 20, 3, {.norm = Norm::none});
  for (const double alpha : {1e2, 1e4, 1e8}) {
    const Point point{alpha, 0};
    const PointResult fast = evaluate_point(*make(small), point);
    const PointResult slow = evaluate_point(*make_evaluator(small.plane(), small.set(), {"autograd"}), point);
    EXPECT_EQ(fast.train.non_finite, slow.train.non_finite) << alpha;
    EXPECT_EQ(std::isfinite(fast.train.loss), std::isfinite(slow.train.loss)) << alpha;
    EXPECT_TRUE(alpha < 1e8 || fast.train.non_finite == small.train.count);
  }
}

TEST_P(EachEngine, StopsBetweenPoints) {
  const SmallLandscape small("resnet20", 3, 1);
  const auto evaluator = make(small);
  std::size_t done = 0;
  const std::vector<Point> points(50);
  evaluator->evaluate(
      points, [&](std::size_t, const PointResult&) { ++done; }, [&] { return done >= 4; });
  EXPECT_GE(done, 4U);
  EXPECT_LT(done, 10U);
}

TEST_P(EachEngine, AFailureOfTheReceiverReachesTheCaller) {
  const SmallLandscape small("resnet20", 3, 1);
  const auto evaluator = make(small);
  const std::vector<Point> points(5);
  const auto full = [](std::size_t, const PointResult&) { fail("disk full"); };
  expect_error([&] { evaluator->evaluate(points, full, [] { return false; }); }, {"disk full"});
}

TEST(Evaluator, Errors) {
  SmallLandscape small("resnet20");
  expect_error([&] { make_evaluator(small.plane(), small.set(), {"onedn"}); }, {"'onedn'", "did you mean onednn?"});
  expect_error([&] { make_evaluator(small.plane(), {}); }, {"no image set"});
  small.train.labels[4] = 10;
  expect_error([&] { make_evaluator(small.plane(), small.set()); }, {"train image 4", "label 10", "10 classes"});
  small.train.labels[4] = 0;
  small.x.tensors.pop_back();
  expect_error([&] { make_evaluator(small.plane(), small.set()); }, {"x direction"});
}

}  // namespace
}  // namespace basin
