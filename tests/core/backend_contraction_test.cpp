// Contractions and pooling of the CPU back end against plain loops.
#include <bit>

#include "core/cpu/compute.h"
#include "core/cpu/convolution.h"
#include "tests/core/kernel_check.h"

namespace basin {
namespace {

Backend& backend = cpu_backend();

using Views = std::vector<ConstView>;
using Outputs = std::vector<View>;

struct ConvolutionCase {
  std::string name;
  Shape x, weight;
  Conv2d options;
};

const std::vector<ConvolutionCase> kConvolutions = {
    {"one value", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
    {"primes", {3, 7, 5, 31}, {33, 3, 3, 31}, {.padding = 1}},
    {"stride 2", {2, 8, 8, 32}, {32, 3, 3, 32}, {.stride = 2, .padding = 1}},
    {"stride 2, odd", {2, 9, 11, 16}, {32, 3, 3, 16}, {.stride = 2, .padding = 1}},
    {"1x1, stride 2", {5, 9, 11, 13}, {17, 1, 1, 13}, {.stride = 2}},
    {"1x1, stride 2, even", {4, 8, 8, 16}, {32, 1, 1, 16}, {.stride = 2}},
    {"1x1, stride 2, even, wide", {4, 8, 8, 64}, {128, 1, 1, 64}, {.stride = 2}},
    {"1x1", {5, 8, 8, 33}, {12, 1, 1, 33}, {}},
    {"stride 3 leaves a rest", {2, 9, 10, 8}, {8, 2, 2, 8}, {.stride = 3}},
    {"groups", {2, 6, 6, 8}, {12, 3, 3, 2}, {.padding = 1, .groups = 4}},
    {"depthwise", {2, 7, 7, 16}, {16, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 16}},
    {"5x3 filters", {3, 8, 8, 3}, {4, 5, 3, 3}, {.padding = 2}},
    {"resnet20 stem", {35, 32, 32, 3}, {16, 3, 3, 3}, {.padding = 1}},
    {"resnet20 layer", {17, 16, 16, 32}, {32, 3, 3, 32}, {.padding = 1}},
    {"resnet50 stem", {2, 21, 20, 3}, {8, 7, 7, 3}, {.stride = 2, .padding = 3}},
    {"densenet layer", {3, 8, 8, 44}, {12, 3, 3, 44}, {.padding = 1}},
};

Shape output_shape(const ConvolutionCase& c) {
  const auto extent = [&](int axis) {
    return (c.x[axis] + 2 * c.options.padding - c.weight[axis]) / c.options.stride + 1;
  };
  return {c.x[0], extent(1), extent(2), c.weight[0]};
}

// f(x, weight and y flat indices) over every product of the convolution.
template <class F>
void for_each_product(const ConvolutionCase& c, const F& f) {
  const Shape y = output_shape(c);
  const std::int64_t inputs = c.weight[3], group_outputs = y[3] / c.options.groups;
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t k = i % y[3], q = i / y[3] % y[2], p = i / y[3] / y[2] % y[1], n = i / y[3] / y[2] / y[1];
    for (std::int64_t r = 0; r < c.weight[1]; ++r)
      for (std::int64_t s = 0; s < c.weight[2]; ++s) {
        const std::int64_t h = p * c.options.stride - c.options.padding + r;
        const std::int64_t w = q * c.options.stride - c.options.padding + s;
        if (h < 0 || h >= c.x[1] || w < 0 || w >= c.x[2]) continue;
        for (std::int64_t j = 0; j < inputs; ++j)
          f(((n * c.x[1] + h) * c.x[2] + w) * c.x[3] + k / group_outputs * inputs + j,
            ((k * c.weight[1] + r) * c.weight[2] + s) * inputs + j, i);
      }
  }
}

// The three contractions as plain loops: y from (x, weight), grad_x from (y, weight), grad_weight from (x, y).
template <class T>
Lists<T> plain_forward(const ConvolutionCase& c, const Lists<T>& in) {
  std::vector<T> y(static_cast<std::size_t>(output_shape(c).count()));
  for_each_product(c, [&](auto x, auto w, auto i) { y[i] += in[0][x] * in[1][w]; });
  return Lists<T>{y};
}
template <class T>
Lists<T> plain_input_gradient(const ConvolutionCase& c, const Lists<T>& in) {
  std::vector<T> grad(static_cast<std::size_t>(c.x.count()));
  for_each_product(c, [&](auto x, auto w, auto i) { grad[x] += in[0][i] * in[1][w]; });
  return Lists<T>{grad};
}
template <class T>
Lists<T> plain_weight_gradient(const ConvolutionCase& c, const Lists<T>& in) {
  std::vector<T> grad(static_cast<std::size_t>(c.weight.count()));
  for_each_product(c, [&](auto x, auto w, auto i) { grad[w] += in[0][x] * in[1][i]; });
  return Lists<T>{grad};
}

class Convolution : public testing::TestWithParam<ConvolutionCase> {
 protected:
  const ConvolutionCase& c = GetParam();
  KernelInput x = normal_input(c.x, 0), weight = normal_input(c.weight, 1), y = normal_input(output_shape(c), 2);

  void forward(const Views& in, const Outputs& out) const { backend.conv2d(in[0], in[1], c.options, out[0]); }
  void input_gradient(const Views& in, const Outputs& out) const {
    backend.conv2d_input_gradient(in[0], in[1], c.options, out[0]);
  }
  void weight_gradient(const Views& in, const Outputs& out) const {
    backend.conv2d_weight_gradient(in[0], in[1], c.options, out[0]);
  }
};

TEST_P(Convolution, MatchesPlainLoops) {
  check_kernel(
      "conv2d", {x, weight}, {y.shape}, [&](const auto& in, const auto& out) { forward(in, out); },
      [&](const auto& in) { return plain_forward(c, in); });
  check_kernel(
      "conv2d_input_gradient", {y, weight}, {c.x}, [&](const auto& in, const auto& out) { input_gradient(in, out); },
      [&](const auto& in) { return plain_input_gradient(c, in); });
  check_kernel(
      "conv2d_weight_gradient", {x, y}, {c.weight}, [&](const auto& in, const auto& out) { weight_gradient(in, out); },
      [&](const auto& in) { return plain_weight_gradient(c, in); });
}

// With bf16 compute the result is the exact convolution of the rounded operands, up to f32 summation; of the operands
// as they are where there are too few products to round them.
TEST_P(Convolution, InBf16MatchesPlainLoopsOfRoundedOperands) {
  if (!bf16_supported()) GTEST_SKIP() << "this processor has no bfloat16 instructions";
  set_compute(Compute::bf16);
  const bool rounds = cpu::multiplies_in_bf16(cpu::ConvolutionSizes(c.x, c.weight, y.shape, c.options));
  set_compute(Compute::f32);
  EXPECT_EQ(rounds, c.weight[1] * c.weight[2] * c.weight[3] >= 128);
  const auto rounded = [=](KernelInput input) {
    if (rounds)
      for (double& v : input.values) v = to_float(to_bfloat16(static_cast<float>(v)));
    return input;
  };
  const auto check_bf16 = [](const char* name, const KernelInputs& inputs, const KernelInputs& exact_inputs,
                             const Shape& output, const auto& kernel, const auto& plain) {
    Lists<double> in64;
    Lists<float> in32;
    for (const KernelInput& input : exact_inputs) {
      in64.push_back(input.values);
      in32.emplace_back(input.values.begin(), input.values.end());
    }
    const auto exact = plain(in64)[0];
    set_compute(Compute::bf16);
    const auto found = run_kernel<float>(inputs, {output}, kernel);
    expect_same_bits(name, found, run_kernel<float>(inputs, {output}, kernel));
    set_compute(Compute::f32);
    double greatest = 0;
    for (const double v : exact) greatest = std::max(greatest, std::abs(v));
    expect_near_exact(name, found[0], exact, 2 * largest_error(plain(in32)[0], exact) + 4 * greatest * 0x1p-23);
  };
  check_bf16(
      "conv2d", {x, weight}, {rounded(x), rounded(weight)}, y.shape,
      [&](const auto& in, const auto& out) { forward(in, out); }, [&](const auto& in) { return plain_forward(c, in); });
  check_bf16(
      "conv2d_input_gradient", {y, weight}, {rounded(y), rounded(weight)}, c.x,
      [&](const auto& in, const auto& out) { input_gradient(in, out); },
      [&](const auto& in) { return plain_input_gradient(c, in); });
  check_bf16(
      "conv2d_weight_gradient", {x, y}, {rounded(x), rounded(y)}, c.weight,
      [&](const auto& in, const auto& out) { weight_gradient(in, out); },
      [&](const auto& in) { return plain_weight_gradient(c, in); });
}

INSTANTIATE_TEST_SUITE_P(Shapes, Convolution, testing::ValuesIn(kConvolutions), [](const auto& test) {
  std::string name = test.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char ch) { return !std::isalnum(ch); }, '_');
  return name;
});

TEST(CpuBackend, MatmulMatchesPlainLoops) {
  const std::vector<std::array<std::int64_t, 3>> sizes = {{1, 1, 1},    {31, 33, 32},   {128, 10, 64}, {33, 1, 127},
                                                          {1, 257, 31}, {600, 130, 97}, {10, 64, 128}};
  for (const auto& [m, n, k] : sizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        const Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
        check_kernel(
            "matmul", {normal_input(a, 0), normal_input(b, 1)}, {Shape{m, n}},
            [&](const Views& in, const Outputs& out) { backend.matmul(in[0], ta, in[1], tb, out[0]); },
            [&, m = m, n = n, k = k]<class T>(const Lists<T>& in) {
              std::vector<T> y(static_cast<std::size_t>(m * n));
              for (std::int64_t i = 0; i < m; ++i)
                for (std::int64_t j = 0; j < n; ++j)
                  for (std::int64_t l = 0; l < k; ++l)
                    y[i * n + j] += in[0][ta ? l * m + i : i * k + l] * in[1][tb ? j * k + l : l * n + j];
              return Lists<T>{y};
            });
      }
}

// ---- pooling

struct PoolCase {
  Shape x;
  Pool2d options;
};

const std::vector<PoolCase> kPools = {
    {{1, 1, 1, 1}, {1, 1, 0}},     {{3, 8, 8, 33}, {2, 2, 0}}, {{2, 7, 9, 31}, {3, 2, 1}}, {{2, 8, 8, 64}, {8, 8, 0}},
    {{17, 16, 16, 32}, {2, 2, 0}}, {{2, 5, 6, 3}, {3, 1, 1}},  {{2, 7, 5, 16}, {2, 2, 0}},
};

Shape pooled_shape(const PoolCase& c) {
  const auto extent = [&](int axis) {
    return (c.x[axis] + 2 * c.options.padding - c.options.kernel) / c.options.stride + 1;
  };
  return {c.x[0], extent(1), extent(2), c.x[3]};
}

// f(flat index in x, flat index in y) over each window, in row order.
template <class F>
void for_each_in_window(const PoolCase& c, const F& f) {
  const Shape y = pooled_shape(c);
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const std::int64_t k = i % y[3], q = i / y[3] % y[2], p = i / y[3] / y[2] % y[1], n = i / y[3] / y[2] / y[1];
    for (std::int64_t r = 0; r < c.options.kernel; ++r)
      for (std::int64_t s = 0; s < c.options.kernel; ++s) {
        const std::int64_t h = p * c.options.stride - c.options.padding + r;
        const std::int64_t w = q * c.options.stride - c.options.padding + s;
        if (h >= 0 && h < c.x[1] && w >= 0 && w < c.x[2]) f(((n * c.x[1] + h) * c.x[2] + w) * c.x[3] + k, i);
      }
  }
}

TEST(CpuBackend, AveragePoolAndItsAdjointMatchPlainLoops) {
  for (const PoolCase& c : kPools) {
    const Shape y = pooled_shape(c);
    const auto area = c.options.kernel * c.options.kernel;
    check_kernel(
        "average_pool2d", {normal_input(c.x, 0)}, {y},
        [&](const Views& in, const Outputs& out) { backend.average_pool2d(in[0], c.options, out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> sums(static_cast<std::size_t>(y.count()));
          for_each_in_window(c, [&](std::int64_t from, std::int64_t to) { sums[to] += in[0][from]; });
          for (T& v : sums) v /= static_cast<T>(area);
          return Lists<T>{sums};
        });
    check_kernel(
        "average_pool2d_gradient", {normal_input(y, 0)}, {c.x},
        [&](const Views& in, const Outputs& out) { backend.average_pool2d_gradient(in[0], c.options, out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> sums(static_cast<std::size_t>(c.x.count()));
          for_each_in_window(
              c, [&](std::int64_t to, std::int64_t from) { sums[to] += in[0][from] / static_cast<T>(area); });
          return Lists<T>{sums};
        });
  }
}

TEST(CpuBackend, MaxPoolMatchesPlainLoops) {
  for (const PoolCase& c : kPools) {
    const Shape y = pooled_shape(c);
    KernelInput x = normal_input(c.x, 0);
    for (double& v : x.values) v = std::round(2 * v);  // many ties
    const auto plain = [&]<class T>(const Lists<T>& in) {
      std::vector<T> best(static_cast<std::size_t>(y.count())), index(best.size(), T{-1});
      for_each_in_window(c, [&](std::int64_t from, std::int64_t to) {
        if (index[to] >= 0 && !(in[0][from] > best[to])) return;
        best[to] = in[0][from];
        index[to] = static_cast<T>(from);
      });
      return Lists<T>{best, index};
    };
    check_kernel(
        "max_pool2d", {x}, {y, y},
        [&](const Views& in, const Outputs& out) {
          std::vector<std::int32_t> indices(static_cast<std::size_t>(y.count()), -7);
          backend.max_pool2d(in[0], c.options, out[0], {indices.data(), DType::i32, y});
          backend.cast({indices.data(), DType::i32, y}, out[1]);
        },
        plain);
  }
}

TEST(CpuBackend, MaxPoolPassesOnNaNAndInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {1, nan, 3, nan, -infinity, -infinity, -infinity, -infinity};  // (2, 2, 2, 1)
  std::vector<float> y(2);
  std::vector<std::int32_t> indices(2);
  backend.max_pool2d({x.data(), DType::f32, {2, 2, 2, 1}}, {}, {y.data(), DType::f32, {2, 1, 1, 1}},
                     {indices.data(), DType::i32, {2, 1, 1, 1}});
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], -infinity);
  EXPECT_EQ(indices, (std::vector<std::int32_t>{1, 4}));
}

}  // namespace
}  // namespace basin
