// The vector engine as a whole. What every engine must do is in evaluator_test.cpp.
#include "landscape/engine_vector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "tests/expect_error.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/network_edits.h"
#include "tests/landscape/small_networks.h"

namespace basin {
namespace {

std::unique_ptr<Evaluator> make(const SmallLandscape& small, const std::string& engine, int threads = 2) {
  return make_evaluator(small.plane(), small.set(), {engine, threads});
}

void scale_convolutions(SmallLandscape& small, float factor) {
  for (Entry& entry : small.state.entries())
    if (is_convolution(entry))
      for (float& w : values_of(entry)) w *= factor;
}

void expect_relative(double value, double truth, double bound, const std::string& what) {
  EXPECT_LE(std::abs(value - truth), bound * std::abs(truth)) << what << ": " << value << " instead of " << truth;
}

class VectorNetwork : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    if (const std::string obstacle = vector_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};
class VectorEngine : public VectorNetwork {};
std::string network_name(const testing::TestParamInfo<Model>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Small, VectorNetwork, testing::ValuesIn(small_networks()), network_name);

TEST_P(VectorNetwork, AgreesWithTheForwardInDouble) {
  SmallLandscape small(GetParam(), 5, 1);
  // An untrained last layer hides what comes before it.
  for (Entry& entry : small.state.entries())
    if (entry.role == Role::weight && entry.value.rank() == 2)
      for (float& w : values_of(entry)) w *= 100;
  const auto evaluator = make(small, "vector");
  for (const Point& point : {Point{0, 0}, Point{0.5, -0.25}, Point{1, 1}})
    expect_relative(evaluate_point(*evaluator, point).train.loss, loss_in_double(small, small.train, point), 1e-5,
                    small.model.name);
}

TEST_P(VectorNetwork, SameBitsOnAnyNumberOfThreadsAndInAnyOrder) {
  const SmallLandscape small(GetParam(), 37, 9);
  const std::vector<Point> points{{0, 0}, {0.5, -0.25}, {1, 1}};
  const auto truth = evaluate_points(*make(small, "vector", 1), points);
  for (const int threads : {2, 7}) {
    const auto results = evaluate_points(*make(small, "vector", threads), {points.rbegin(), points.rend()});
    for (std::size_t i = 0; i < points.size(); ++i)
      EXPECT_TRUE(same_bits(results[points.size() - 1 - i], truth[i])) << threads << " threads, point " << i;
  }
}

void expect_like_onednn(const SmallLandscape& small, const std::string& what) {
  const PointResult truth = evaluate_point(*make(small, "onednn", 1), {});
  const PointResult result = evaluate_point(*make(small, "vector", 1), {});
  EXPECT_EQ(result.train.non_finite, truth.train.non_finite) << what;
  EXPECT_EQ(std::isnan(result.train.loss), std::isnan(truth.train.loss)) << what;
  EXPECT_EQ(std::isinf(result.train.loss), std::isinf(truth.train.loss)) << what;
  if (std::isfinite(truth.train.loss)) expect_relative(result.train.loss, truth.train.loss, 1e-5, what);
}

TEST_P(VectorNetwork, OverflowsLikeOnednn) {
  SmallLandscape small(GetParam(), 9, 1);
  for (Entry& entry : small.state.entries()) {
    if (!is_convolution(entry)) continue;
    const std::vector<float> before = entry.value.to_vector<float>();
    for (const float factor : {1e36F, 1e37F, 1e38F}) {  // sums that fit, and sums that do not
      for (float& w : values_of(entry)) w *= factor;
      expect_like_onednn(small, entry.name);
      std::copy(before.begin(), before.end(), values_of(entry).begin());
    }
  }
  scale_convolutions(small, 1e20F);
  expect_like_onednn(small, "all");
}

TEST_P(VectorNetwork, KeepsNotANumberAndInfinityOfEveryLayer) {
  SmallLandscape small(GetParam(), 2, 1);
  for (Entry& entry : small.state.entries()) {
    if (!is_convolution(entry) && entry.role != Role::beta) continue;
    float& first = values_of(entry)[0];
    const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
    const float before = std::exchange(first, is_convolution(entry) ? nan : infinity);
    expect_like_onednn(small, entry.name);
    first = before;
  }
}

// Bounds multiply to more than a float holds long before activations do: such points still take the kernels.
TEST_F(VectorEngine, LargeActivationsThatDoNotOverflowStayOnTheKernels) {
  SmallLandscape small(std::string("resnet20-noshort"), 8, 1);
  scale_convolutions(small, 20);
  const PointResult result = evaluate_point(*make(small, "vector"), {}),
                    truth = evaluate_point(*make(small, "onednn"), {});
  EXPECT_TRUE(std::isfinite(truth.train.loss));
  expect_relative(result.train.loss, truth.train.loss, 1e-5, "large");
  EXPECT_FALSE(same_bits(result.train, truth.train)) << "the careful pass was taken";
}

double share_of(const Model& model) {
  const State state = random_state(model, 1);
  EngineRequest request;
  request.plane = {&model, &state};
  request.plan = std::make_shared<const Plan>(trace(model, state));
  return vector_share(request);
}

TEST(VectorShare, CountsConvolutionsOfStrideOne) {
  // Multiply-adds: 32 * 32 * 9 * 16 * (3 images' + 3 * 16) channels, 16 * 10 behind them.
  const double kernels = 32 * 32 * 9 * 16 * 48, others = 32 * 32 * 9 * 16 * 3 + 16 * 10;
  EXPECT_NEAR(share_of(small_networks().front()), kernels / (kernels + others), 1e-12);
  EXPECT_GT(share_of(find_model("resnet20")), 0.9);
  EXPECT_GT(share_of(find_model("vgg9")), 0.9);
  EXPECT_LT(share_of({"strange", 10, {32, 32, 3}, small_network::strange}), 0.9);
}

TEST(VectorChoice, RunsWhereItMay) {
  const SmallLandscape small(std::string("resnet20"), 1, 1);
  const std::string obstacle = vector_obstacle();
  if (!obstacle.empty()) return expect_error([&] { make(small, "vector"); }, {"engine vector: " + obstacle});
  EXPECT_EQ(make(small, "vector")->precision(), "exact (fp32)");
}

}  // namespace
}  // namespace basin
