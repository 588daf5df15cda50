// The float32 kernels alone, against sums in float64.
#include "landscape/vector/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>

#include "core/cpu/features.h"
#include "core/random.h"

namespace basin::vector {
namespace {

enum class Numbers : std::uint8_t { integers, normal };
enum class Residual : std::uint8_t { none, apart, in_place };

struct Case {
  Sizes sizes;
  Residual residual = Residual::none;
  bool relu = false;
};

void PrintTo(const Case& c, std::ostream* stream) {
  *stream << "N" << c.sizes.images << " H" << c.sizes.height << " W" << c.sizes.width << " C" << c.sizes.channels
          << " K" << c.sizes.filters
          << (c.residual == Residual::none    ? ""
              : c.residual == Residual::apart ? ", residual"
                                              : ", residual in place")
          << (c.relu ? ", relu" : "");
}

std::vector<Case> cases() {
  using enum Residual;
  return {{{1, 8, 8, 16, 16}, none, false},  {{1, 8, 8, 16, 16}, in_place, true},  {{1, 32, 32, 16, 16}, apart, true},
          {{4, 4, 4, 16, 32}, none, true},   {{2, 16, 8, 32, 32}, in_place, true}, {{16, 6, 10, 32, 48}, apart, false},
          {{4, 4, 12, 48, 16}, none, false}, {{3, 8, 8, 64, 64}, in_place, true},  {{16, 6, 6, 256, 32}, apart, true},
          {{5, 8, 8, 64, 128}, none, true}};
}

std::vector<const Kernel*> kernels() {
  std::vector<const Kernel*> found;
  if (cpu_has(CpuFeature::avx512)) found.push_back(&kAvx512Kernel);
  if (cpu_has(CpuFeature::avx2)) found.push_back(&kAvx2Kernel);
  return found;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kSentinel = 12345.0F;
constexpr std::size_t kGuard = 4096;  // NaN around what may be read

// One convolution's arguments and what it should give.
class Problem {
 public:
  Problem(const Case& c, Numbers numbers, std::uint64_t seed);
  std::vector<float> run(const Kernel& kernel);
  void expect_sums(const std::vector<float>& y, const std::string& what) const;

  std::vector<float> weight;  // (K, 3, 3, C)

 private:
  struct Sum {
    double exact = 0;
    float plain = 0;  // a float loop
  };
  float draw(double scale);
  Sum sum(std::int64_t n, std::int64_t i, std::int64_t j, std::int64_t k) const;
  std::size_t outputs() const;

  Case case_;
  Numbers numbers_;
  Random random_;
  std::uint64_t drawn_ = 0;
  std::vector<float> x_, shift_, residual_;  // x_ between guards
};

Problem::Problem(const Case& c, Numbers numbers, std::uint64_t seed)
    : case_(c), numbers_(numbers), random_(seed, random_stream("winograd")) {
  const auto& [images, height, width, channels, filters] = c.sizes;
  x_.assign(kGuard, kNaN);
  for (std::int64_t i = 0; i < images * height * width * channels; ++i) x_.push_back(draw(1));
  x_.resize(x_.size() + kGuard, kNaN);
  for (std::int64_t i = 0; i < filters * 9 * channels; ++i)
    weight.push_back(draw(1 / std::sqrt(9.0 * static_cast<double>(channels))));
  for (std::int64_t k = 0; k < filters; ++k) shift_.push_back(draw(1));
  for (std::size_t i = 0; i < outputs(); ++i) residual_.push_back(c.residual == Residual::none ? kNaN : draw(1));
}

float Problem::draw(double scale) {
  if (numbers_ == Numbers::normal) return static_cast<float>(scale * random_.normal(drawn_++));
  return static_cast<float>(random_.below(7, drawn_++)) - 3;
}

std::size_t Problem::outputs() const {
  const Sizes& s = case_.sizes;
  return static_cast<std::size_t>(s.images * s.height * s.width * s.filters);
}

std::vector<float> Problem::run(const Kernel& kernel) {
  WinogradConvolution convolution(kernel, case_.sizes);
  convolution.set_weights(weight);
  std::vector<CacheLine> scratch(convolution.scratch_lines() + 1);
  auto* floats = reinterpret_cast<float*>(scratch.data());
  const std::size_t behind = convolution.scratch_lines() * sizeof(CacheLine) / sizeof(float);
  std::fill_n(floats, behind, kNaN);
  floats[behind] = kSentinel;
  std::vector<float> y(outputs(), kNaN);
  if (case_.residual == Residual::in_place) y = residual_;
  y.push_back(kSentinel);
  const float* residual = case_.residual == Residual::none       ? nullptr
                          : case_.residual == Residual::in_place ? y.data()
                                                                 : residual_.data();
  convolution.run(x_.data() + kGuard, shift_.data(), residual, case_.relu, y.data(), scratch.data());
  EXPECT_EQ(y.back(), kSentinel);
  EXPECT_EQ(floats[behind], kSentinel);
  y.pop_back();
  return y;
}

Problem::Sum Problem::sum(std::int64_t n, std::int64_t i, std::int64_t j, std::int64_t k) const {
  const auto& [images, height, width, channels, filters] = case_.sizes;
  const auto index = static_cast<std::size_t>(((n * height + i) * width + j) * filters + k);
  const float shift = shift_[static_cast<std::size_t>(k)];
  Sum result{shift, shift};
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    const std::int64_t row = i + tap / 3 - 1, column = j + tap % 3 - 1;
    if (row < 0 || row >= height || column < 0 || column >= width) continue;
    const float* values = x_.data() + kGuard + ((n * height + row) * width + column) * channels;
    const float* weights = weight.data() + (k * 9 + tap) * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      result.exact += static_cast<double>(values[c]) * static_cast<double>(weights[c]);
      result.plain += values[c] * weights[c];
    }
  }
  if (case_.residual != Residual::none) {
    result.exact += static_cast<double>(residual_[index]);
    result.plain += residual_[index];
  }
  if (case_.relu) result = {std::max(result.exact, 0.0), std::max(result.plain, 0.0F)};
  return result;
}

// Integers to the last bit, others within twice the error of a plain float loop and 4 ulp of the largest output.
void Problem::expect_sums(const std::vector<float>& y, const std::string& what) const {
  const auto& [images, height, width, channels, filters] = case_.sizes;
  double error = 0, plain_error = 0, largest = 0;
  std::size_t at = 0;
  for (std::int64_t n = 0; n < images; ++n)
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        for (std::int64_t k = 0; k < filters; ++k, ++at) {
          const Sum truth = sum(n, i, j, k);
          const double own = std::abs(static_cast<double>(y[at]) - truth.exact);
          ASSERT_TRUE(std::isfinite(own)) << what << " at n " << n << ", i " << i << ", j " << j << ", k " << k;
          error = std::max(error, own);
          plain_error = std::max(plain_error, std::abs(static_cast<double>(truth.plain) - truth.exact));
          largest = std::max(largest, std::abs(truth.exact));
          if (numbers_ == Numbers::integers) {
            ASSERT_EQ(own, 0) << what << " at n " << n << ", i " << i << ", j " << j << ", k " << k;
          }
        }
  EXPECT_GT(largest, 0);
  EXPECT_LE(error, 2 * plain_error + 4 * 0x1p-24 * largest) << what << ": plain " << plain_error;
}

class Winograd : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (const std::string obstacle = kernel_obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
  }
};
INSTANTIATE_TEST_SUITE_P(Sizes, Winograd, testing::ValuesIn(cases()));

TEST_P(Winograd, IsAsCloseToFloat64AsAPlainSum) {
  Problem problem(GetParam(), Numbers::normal, 1);
  for (const Kernel* kernel : kernels()) problem.expect_sums(problem.run(*kernel), kernel->instructions);
}

TEST_P(Winograd, GivesIntegersToTheLastBit) {
  Problem problem(GetParam(), Numbers::integers, 2);
  for (const Kernel* kernel : kernels()) problem.expect_sums(problem.run(*kernel), kernel->instructions);
}

TEST_P(Winograd, GivesTheSameBitsAgainAndByEveryInstructionSet) {
  Problem problem(GetParam(), Numbers::normal, 3);
  const std::vector<float> first = problem.run(*kernels().front());
  for (const Kernel* kernel : kernels())
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(problem.run(*kernel), first) << kernel->instructions;
}

TEST_P(Winograd, EveryWeightMatters) {
  Problem problem(GetParam(), Numbers::integers, 4);
  const Random random(5, random_stream("taps"));
  for (const Kernel* kernel : kernels()) {
    const std::vector<float> before = problem.run(*kernel);
    for (std::uint64_t i = 0; i < 8; ++i) {
      float& w = problem.weight[random.below(problem.weight.size(), i)];
      w += 100;
      EXPECT_NE(problem.run(*kernel), before) << kernel->instructions;
      w -= 100;
    }
  }
}

TEST(WinogradSuits, EvenExtentsWholeBlocksOfChannelsAndStrideOne) {
  Stage stage;
  stage.conv = {.stride = 1, .padding = 1};
  const Shape weight{32, 3, 3, 16}, input{8, 8, 16};
  EXPECT_TRUE(suits(stage, weight, input));
  EXPECT_FALSE(suits(stage, {32, 3, 3, 8}, {8, 8, 8}));
  EXPECT_FALSE(suits(stage, {24, 3, 3, 16}, input));
  EXPECT_FALSE(suits(stage, {32, 1, 1, 16}, input));
  EXPECT_FALSE(suits(stage, weight, {7, 8, 16}));
  EXPECT_FALSE(suits(stage, weight, {8, 7, 16}));
  EXPECT_FALSE(suits(stage, weight, {2, 2, 16}));
  for (const Conv2d& conv : {Conv2d{.stride = 2, .padding = 1}, Conv2d{.stride = 1, .padding = 0},
                             Conv2d{.stride = 1, .padding = 1, .groups = 2}}) {
    stage.conv = conv;
    EXPECT_FALSE(suits(stage, weight, input));
  }
  stage.conv = {.stride = 1, .padding = 1};
  stage.kind = Stage::Kind::linear;
  EXPECT_FALSE(suits(stage, weight, input));
}

}  // namespace
}  // namespace basin::vector
