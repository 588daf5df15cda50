// The AMX engine as a whole. What every engine must do is in evaluator_test.cpp.
#include "landscape/engine_amx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "landscape/fold.h"
#include "tests/expect_error.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/network_edits.h"
#include "tests/landscape/small_networks.h"

namespace basin {
namespace {

constexpr LandscapePrecision kExact = LandscapePrecision::exact, kFast = LandscapePrecision::fast;

std::unique_ptr<Evaluator> make(const SmallLandscape& small, const EvaluationSet& set, const std::string& engine,
                                LandscapePrecision precision = kExact, int threads = 2) {
  return make_evaluator(small.plane(), set, {engine, threads, precision});
}
std::unique_ptr<Evaluator> make(const SmallLandscape& small, const std::string& engine,
                                LandscapePrecision precision = kExact, int threads = 2) {
  return make(small, small.set(), engine, precision, threads);
}

class AmxEngine : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string obstacle = amx_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};

// ---- accuracy

// The largest relative errors of the losses.
struct Errors {
  double exact = 0, fast = 0;
};

void expect_relative(double value, double truth, double bound, const std::string& what) {
  EXPECT_LE(std::abs(value - truth), bound * std::abs(truth)) << what << ": " << value << " instead of " << truth;
}

// Relative, of a mean loss. Measured: at most 6e-6 for the small networks and resnet20; in deeper networks, of which
// one or two images are all that float64 has time for, their errors do not average out: at most 2.1e-5. fast: 1.4e-2.
constexpr double kExactBound = 1e-5, kDeepExactBound = 3e-5, kFastBound = 2e-2;

void expect_oracle(SmallLandscape& small, const std::vector<Point>& points, double exact_bound) {
  enlarge_logits(small);
  EvaluationSet set = small.set();
  set.test = nullptr;
  const auto exact = make(small, set, "amx"), fast = make(small, set, "amx", kFast);
  Errors errors;
  for (const Point& point : points) {
    const double truth = loss_in_double(small, small.train, point);
    const double exact_loss = evaluate_point(*exact, point).train.loss;
    const double fast_loss = evaluate_point(*fast, point).train.loss;
    const std::string what = small.model.name + " at " + std::to_string(point.alpha);
    expect_relative(exact_loss, truth, exact_bound, what + ", exact");
    expect_relative(fast_loss, truth, kFastBound, what + ", fast");
    EXPECT_NE(exact_loss, fast_loss) << what;
    errors.exact = std::max(errors.exact, std::abs(exact_loss - truth) / std::abs(truth));
    errors.fast = std::max(errors.fast, std::abs(fast_loss - truth) / std::abs(truth));
  }
  // Otherwise `fast` were no rounding at all, or `exact` one.
  EXPECT_LT(errors.exact, errors.fast) << small.model.name;
}

const std::vector<Point> kPoints{{0, 0}, {0.5, -0.25}, {1, 1}};

class AmxNetwork : public testing::TestWithParam<Model> {
 protected:
  void SetUp() override {
    if (const std::string obstacle = amx_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};
std::string network_name(const testing::TestParamInfo<Model>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Small, AmxNetwork, testing::ValuesIn(small_networks()), network_name);

TEST_P(AmxNetwork, AgreesWithTheForwardInDouble) {
  SmallLandscape small(GetParam(), 5, 1);
  expect_oracle(small, kPoints, kExactBound);
}

TEST_F(AmxEngine, AgreesWithTheForwardInDouble) {
  for (const char* name : {"resnet20", "resnet20-noshort"}) {
    SmallLandscape small(std::string(name), 6, 1);
    expect_oracle(small, kPoints, kExactBound);
  }
}

TEST_F(AmxEngine, AgreesWithTheForwardInDoubleOnDeepNetworks) {
  for (const auto& [name, images] :
       {std::pair("vgg9", 2), std::pair("vgg11", 2), std::pair("resnet56", 2), std::pair("wrn56-2", 1)}) {
    SmallLandscape small(std::string(name), images, 1);
    expect_oracle(small, kPoints, kDeepExactBound);
  }
  for (const char* name : {"densenet121", "resnet18"}) {
    SmallLandscape small(std::string(name), 1, 1);
    expect_oracle(small, {{0.5, -0.25}}, kDeepExactBound);
  }
}

TEST(AmxChoice, AutoTakesItWhereTheProcessorHasAmx) {
  const SmallLandscape resnet(std::string("resnet20"), 1, 1);
  const SmallLandscape strange({"strange", 10, {32, 32, 3}, small_network::strange}, 1, 1);
  const std::string obstacle = amx_obstacle();
  EXPECT_EQ(make(resnet, "auto")->engine() == "amx", obstacle.empty());
  EXPECT_NE(make(strange, "auto")->engine(), "amx");
  if (!obstacle.empty()) return expect_error([&] { make(resnet, "amx"); }, {"engine amx: " + obstacle});
  EXPECT_EQ(make(resnet, "amx")->precision(), "exact (bf16x3)");
  EXPECT_EQ(make(resnet, "amx", kFast)->precision(), "fast (bf16)");
}

// ---- integers

// Weights of 0, 1 and -1, `nonzero` a filter; integer biases; batch norms that only shift; black and white pixels.
void make_integer(SmallLandscape& small, std::uint64_t nonzero, std::uint64_t seed) {
  for (Entry& entry : small.state.entries()) {
    if (entry.role == Role::batches_tracked) continue;
    const Random random(seed, random_stream(entry.name));
    const std::span<float> values = values_of(entry);
    const auto draw = [&](std::size_t i) { return static_cast<float>(random.below(3, i)) - 1; };
    for (std::size_t i = 0; i < values.size(); ++i) {
      // A bias before a batch norm would be scaled.
      const bool shift = entry.role == Role::beta || (entry.role == Role::bias && !entry.name.ends_with(".conv.bias"));
      // 1 / sqrt(variance + epsilon) rounds to 1.
      values[i] = shift || is_linear(entry)              ? draw(i)
                  : entry.role == Role::gamma            ? 1.0F
                  : entry.role == Role::running_variance ? 1 - 1e-5F
                                                         : 0.0F;
    }
    if (!is_convolution(entry)) continue;
    const std::size_t filters = static_cast<std::size_t>(entry.value.dim(0)), size = values.size() / filters;
    for (std::size_t k = 0; k < filters; ++k)
      for (std::uint64_t i = 0; i < nonzero; ++i) {
        const std::uint64_t at = 2 * (k * nonzero + i);
        // More ones than minus ones: activations stay alive behind relu.
        values[k * size + random.below(size, at)] = random.below(4, at + 1) == 0 ? -1.0F : 1.0F;
      }
  }
  for (Images* images : {&small.train, &small.test})
    for (std::uint8_t& pixel : images->pixels) pixel = pixel < 128 ? 0 : 255;
  small.normalization.mean.assign(small.normalization.mean.size(), 0.0F);
  small.normalization.deviation.assign(small.normalization.deviation.size(), 1.0F);
}

// Folding must leave the integers as they are, or the comparison would say nothing.
void expect_integers_stay(const SmallLandscape& small) {
  Folder folder({&small.model, &small.state, nullptr, nullptr});
  Folded folded;
  for (const Stage& stage : trace(small.model, small.state).stages) {
    if (stage.weight < 0) continue;
    folder.fold(stage, {}, folded);
    EXPECT_EQ(folded.weight, small.state.entries()[static_cast<std::size_t>(stage.weight)].value.to_vector<float>());
    for (const float shift : folded.shift) EXPECT_EQ(shift, std::round(shift));
  }
}

void expect_same_as_onednn(const SmallLandscape& small, LandscapePrecision precision) {
  const PointResult tiles = evaluate_point(*make(small, "amx", precision), {});
  const PointResult truth = evaluate_point(*make(small, "onednn"), {});
  EXPECT_TRUE(same_bits(tiles, truth)) << small.model.name << ": " << tiles.train.loss << " instead of "
                                       << truth.train.loss;
  EXPECT_EQ(truth.train.non_finite, 0);
}

TEST_P(AmxNetwork, GivesIntegersToTheLastBit) {
  for (const std::uint64_t seed : {1, 2}) {
    // Activations below 2^16 are held whole in two parts, those up to 2^8 in one.
    SmallLandscape small(GetParam(), 11, 3);
    make_integer(small, 3, seed);
    expect_integers_stay(small);
    expect_same_as_onednn(small, kExact);
    make_integer(small, 1, seed);
    expect_same_as_onednn(small, kFast);
  }
}

TEST_F(AmxEngine, GivesIntegersToTheLastBit) {
  for (const char* name : {"vgg11", "resnet20", "resnet20-noshort", "resnet56-noshort", "wrn56-2-noshort"}) {
    SmallLandscape small(std::string(name), 9, 2);
    make_integer(small, std::string(name) == "vgg11" ? 3 : 1, 3);
    expect_integers_stay(small);
    expect_same_as_onednn(small, kExact);
  }
}

// The comparison sees a single weight: one tap of one channel, in each convolution.
TEST_P(AmxNetwork, EveryConvolutionsWeightsMatterToTheIntegers) {
  constexpr std::uint64_t kTries = 64;
  SmallLandscape small(GetParam(), 3, 1);
  make_integer(small, 3, 1);
  const PointResult before = evaluate_point(*make(small, "amx"), {});
  for (Entry& entry : small.state.entries()) {
    if (!is_convolution(entry)) continue;
    const std::span<float> weights = values_of(entry);
    // Not each of them does: some channels are zero behind their relu, some taps meet nothing but halo.
    const Random random(4, random_stream(entry.name));
    bool matters = false;
    for (std::uint64_t i = 0; i < kTries && !matters; ++i) {
      float& weight = weights[random.below(weights.size(), i)];
      weight += 1;
      const PointResult after = evaluate_point(*make(small, "amx"), {});
      matters = after.train.loss != before.train.loss;
      EXPECT_TRUE(!matters || same_bits(after, evaluate_point(*make(small, "onednn"), {}))) << entry.name;
      weight -= 1;
    }
    EXPECT_TRUE(matters) << entry.name;
  }
}

// ---- the same bits, however it is asked

TEST_P(AmxNetwork, SameBitsOnAnyNumberOfThreadsAndInAnyOrder) {
  const SmallLandscape small(GetParam(), 37, 9);
  const std::vector<Point> points{{0, 0}, {0.5, -0.25}, {1, 1}};
  for (const LandscapePrecision precision : {kExact, kFast}) {
    const auto truth = evaluate_points(*make(small, "amx", precision, 1), points);
    for (const int threads : {2, 7}) {
      const auto evaluator = make(small, "amx", precision, threads);
      const auto results = evaluate_points(*evaluator, {points.rbegin(), points.rend()});
      for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_TRUE(same_bits(results[points.size() - 1 - i], truth[i])) << threads << " threads, point " << i;
        EXPECT_TRUE(same_bits(evaluate_point(*evaluator, points[i]), truth[i])) << threads << " threads, point " << i;
      }
    }
  }
}

TEST_P(AmxNetwork, AnImagesResultDependsOnNothingElse) {
  constexpr std::int64_t kImages = 21;
  SmallLandscape small(GetParam(), kImages, 1);
  enlarge_logits(small);
  const Point point{0.5, -0.25};
  EvaluationSet set = small.set();
  set.test = nullptr;
  for (const LandscapePrecision precision : {kExact, kFast}) {
    std::vector<ImageLoss> alone;
    for (std::int64_t i = 0; i < kImages; ++i) {
      Images one = small.train.first(1);
      std::copy_n(small.train.pixels.begin() + static_cast<std::ptrdiff_t>(i * one.image_size()), one.image_size(),
                  one.pixels.begin());
      one.labels[0] = small.train.labels[static_cast<std::size_t>(i)];
      set.train = &one;
      const Measurement own = evaluate_point(*make(small, set, "amx", precision, 1), point).train;
      alone.push_back({own.loss, own.accuracy > 50, own.non_finite == 0});
    }
    for (const std::int64_t count : {5, 8, 9, 21}) {
      const Images some = small.train.first(count);
      set.train = &some;
      const Measurement together = evaluate_point(*make(small, set, "amx", precision), point).train;
      const Measurement expected = measure(std::span(alone).first(static_cast<std::size_t>(count)));
      EXPECT_TRUE(same_bits(together, expected)) << count << " images, " << name_of(precision);
    }
  }
}

TEST_F(AmxEngine, TrainAndTestImagesApartGiveWhatOnePassGives) {
  const SmallLandscape small(std::string("resnet20"), 13, 6);
  const PointResult both = evaluate_point(*make(small, "amx"), {0.5, 0.5});
  EvaluationSet train = small.set(), test = small.set();
  train.test = nullptr;
  test.train = nullptr;
  EXPECT_TRUE(same_bits(evaluate_point(*make(small, train, "amx"), {0.5, 0.5}).train, both.train));
  EXPECT_TRUE(same_bits(evaluate_point(*make(small, test, "amx"), {0.5, 0.5}).test, both.test));
}

// ---- what is not finite

void expect_like_onednn(const SmallLandscape& small, const std::string& what) {
  const PointResult truth = evaluate_point(*make(small, "onednn", kExact, 1), {});
  for (const LandscapePrecision precision : {kExact, kFast}) {
    const PointResult result = evaluate_point(*make(small, "amx", precision, 1), {});
    EXPECT_EQ(result.train.non_finite, truth.train.non_finite) << what;
    EXPECT_EQ(std::isnan(result.train.loss), std::isnan(truth.train.loss)) << what;
    EXPECT_EQ(std::isinf(result.train.loss), std::isinf(truth.train.loss)) << what;
    if (std::isfinite(truth.train.loss))
      expect_relative(result.train.loss, truth.train.loss, precision == kExact ? kExactBound : kFastBound, what);
  }
}

TEST_P(AmxNetwork, OverflowsLikeOnednn) {
  SmallLandscape small(GetParam(), 9, 1);
  for (Entry& entry : small.state.entries()) {
    if (!is_convolution(entry)) continue;
    const std::vector<float> before = entry.value.to_vector<float>();
    for (float& w : values_of(entry)) w *= 1e38F;
    expect_like_onednn(small, entry.name);
    std::copy(before.begin(), before.end(), values_of(entry).begin());
  }
  for (Entry& entry : small.state.entries())
    if (is_convolution(entry))
      for (float& w : values_of(entry)) w *= 1e20F;
  const PointResult result = evaluate_point(*make(small, "amx"), {});
  EXPECT_EQ(result.train.non_finite, small.train.count);
  expect_like_onednn(small, "all");
}

TEST_P(AmxNetwork, KeepsNotANumberAndInfinityOfEveryLayer) {
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

// Some images of a block overflow and the others do not.
TEST_F(AmxEngine, CountsTheImagesThatOverflow) {
  SmallLandscape small(std::string("resnet20-noshort"), 16, 1);
  small.normalization.mean.assign(3, 0.0F);
  small.normalization.deviation.assign(3, 1.0F);
  for (std::int64_t i = 0; i < 16; i += 3)
    std::fill_n(small.train.pixels.begin() + static_cast<std::ptrdiff_t>(i * small.train.image_size()),
                small.train.image_size(), std::uint8_t{0});
  for (Entry& entry : small.state.entries()) {
    if (entry.role == Role::beta || entry.role == Role::running_mean)
      for (float& v : values_of(entry)) v = 0;
    if (is_convolution(entry))
      for (float& w : values_of(entry)) w *= 1e3F;
  }
  expect_like_onednn(small, "black images");
  EXPECT_EQ(evaluate_point(*make(small, "amx"), {}).train.non_finite, 10);
}

// The large values come through a residual alone, past a convolution of zeros; what overflows behind it would become
// zero in the relu of the next layer.
TEST_F(AmxEngine, LargeResidualsOverflowToo) {
  SmallLandscape small(Model{"halving", 10, {32, 32, 3}, small_network::halving}, 4, 1);
  for (const auto& [name, factor] : {std::pair("down16.conv.weight", 1e33F), std::pair("same16.conv.weight", 0.0F),
                                     std::pair("down8.conv.weight", 1e8F)})
    for (float& w : values_of(*small.state.find(name))) w *= factor;
  expect_like_onednn(small, "behind a residual");
  EXPECT_EQ(evaluate_point(*make(small, "amx"), {}).train.non_finite, small.train.count);
}

// Bounds multiply to more than a float holds long before activations do: such points still take the tiles.
TEST_F(AmxEngine, LargeActivationsThatDoNotOverflowStayOnTiles) {
  SmallLandscape small(std::string("resnet20-noshort"), 8, 1);
  for (Entry& entry : small.state.entries())
    if (is_convolution(entry))
      for (float& w : values_of(entry)) w *= 20;
  const PointResult tiles = evaluate_point(*make(small, "amx"), {}), truth = evaluate_point(*make(small, "onednn"), {});
  EXPECT_TRUE(std::isfinite(truth.train.loss));
  expect_relative(tiles.train.loss, truth.train.loss, kExactBound, "large");
  EXPECT_FALSE(same_bits(tiles.train, truth.train)) << "the careful pass was taken";
}

}  // namespace
}  // namespace basin
