#include "cuda/kernels/pooling.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

struct PoolCase {
  Shape x;
  Pool2d options;
};
// Windows side by side, overlapping, with gaps, with padding; channels that make whole vectors and that do not.
const std::vector<PoolCase> kCases = {
    {{1, 1, 1, 1}, {1, 1, 0}},  {{2, 6, 4, 8}, {2, 2, 0}},  {{1, 7, 5, 3}, {3, 2, 1}},
    {{2, 5, 6, 16}, {3, 1, 1}}, {{1, 8, 7, 4}, {2, 3, 0}},  {{1, 4, 4, 33}, {4, 4, 0}},
    {{1, 9, 9, 8}, {4, 3, 2}},  {{1, 8, 8, 24}, {8, 8, 0}}, {{0, 4, 4, 8}, {2, 2, 0}}};

// Values of few kinds, so that windows have ties.
KernelInput tied_input(const Shape& shape) {
  KernelInput input = normal_input(shape, 0);
  for (double& v : input.values) v = std::round(2 * v) / 2;
  return input;
}

// visit(flat position in x, flat position in y) for every pair of a pixel and a window over it, windows ascending, rows
// of a window in order.
template <class Visit>
void for_each_pair(const Shape& x, const Pool2d& o, const Visit& visit) {
  const Shape y = pool2d_shape(x, o);
  for (std::int64_t out = 0; out < y.count(); ++out) {
    const std::int64_t c = out % y[3], q = out / y[3] % y[2], p = out / y[3] / y[2] % y[1],
                       n = out / y[3] / y[2] / y[1];
    for (std::int64_t h = p * o.stride - o.padding; h < p * o.stride - o.padding + o.kernel; ++h)
      for (std::int64_t w = q * o.stride - o.padding; w < q * o.stride - o.padding + o.kernel; ++w)
        if (h >= 0 && h < x[1] && w >= 0 && w < x[2]) visit(((n * x[1] + h) * x[2] + w) * x[3] + c, out);
  }
}

// The greatest values and their places.
Lists<float> plain_max_pool(const std::vector<float>& x, const PoolCase& c) {
  const auto size = static_cast<std::size_t>(pool2d_shape(c.x, c.options).count());
  Lists<float> y = {std::vector<float>(size), std::vector<float>(size, -1)};
  for_each_pair(c.x, c.options, [&](std::int64_t in, std::int64_t out) {
    if (y[1][out] >= 0 && !(x[in] > y[0][out])) return;
    y[0][out] = x[in];
    y[1][out] = static_cast<float>(in);
  });
  return y;
}

TEST(CudaPooling, MaximaEqualTheCpus) {
  for (const DType type : kFloatTypes)
    for (const PoolCase& c : kCases) {
      const Shape y = pool2d_shape(c.x, c.options);
      check_emulated(
          "max_pool2d", {tied_input(c.x)}, {y, y},
          [&](const ConstViews& in, const Views& out) { max_pool2d(Stream(), in[0], c.options, out[0], out[1]); },
          [&](const ConstViews& in, const Views& out) { cpu.max_pool2d(in[0], c.options, out[0], out[1]); },
          [&](const Lists<float>& in) { return plain_max_pool(in[0], c); }, {{type}, {type, DType::i32}});
    }
}

TEST(CudaPooling, GradientOfMaximaMatchesFloat64) {
  for (const DType type : kFloatTypes)
    for (const PoolCase& c : kCases) {
      const KernelInput x = tied_input(c.x);
      const Lists<float> maxima = plain_max_pool({x.values.begin(), x.values.end()}, c);
      const KernelInput indices{pool2d_shape(c.x, c.options), {maxima[1].begin(), maxima[1].end()}, DType::i32};
      check_emulated(
          "max_pool2d_gradient", {normal_input(indices.shape, 1), indices}, {c.x},
          [&](const ConstViews& in, const Views& out) {
            max_pool2d_gradient(Stream(), in[0], in[1], c.options, out[0]);
          },
          [&](const ConstViews& in, const Views& out) { cpu.max_pool2d_gradient(in[0], in[1], c.options, out[0]); },
          [&](const Lists<float>& in) {
            std::vector<float> grad_x(static_cast<std::size_t>(c.x.count()));
            for (std::size_t i = 0; i < in[0].size(); ++i) grad_x[static_cast<std::size_t>(in[1][i])] += in[0][i];
            return Lists<float>{grad_x};
          },
          {{type}, {type}});
    }
}

TEST(CudaPooling, AveragesMatchFloat64) {
  for (const DType type : kFloatTypes)
    for (const PoolCase& c : kCases) {
      const Shape y = pool2d_shape(c.x, c.options);
      const float scale = 1 / static_cast<float>(c.options.kernel * c.options.kernel);
      const auto plain = [&](const std::vector<float>& from, const Shape& to, bool adjoint) {
        std::vector<float> sums(static_cast<std::size_t>(to.count()));
        for_each_pair(c.x, c.options,
                      [&](std::int64_t in, std::int64_t out) { sums[adjoint ? in : out] += from[adjoint ? out : in]; });
        for (float& sum : sums) sum *= scale;
        return Lists<float>{sums};
      };
      check_emulated(
          "average_pool2d", {normal_input(c.x, 0)}, {y},
          [&](const ConstViews& in, const Views& out) { average_pool2d(Stream(), in[0], c.options, out[0]); },
          [&](const ConstViews& in, const Views& out) { cpu.average_pool2d(in[0], c.options, out[0]); },
          [&](const Lists<float>& in) { return plain(in[0], y, false); }, {{type}, {type}});
      check_emulated(
          "average_pool2d_gradient", {normal_input(y, 1)}, {c.x},
          [&](const ConstViews& in, const Views& out) { average_pool2d_gradient(Stream(), in[0], c.options, out[0]); },
          [&](const ConstViews& in, const Views& out) { cpu.average_pool2d_gradient(in[0], c.options, out[0]); },
          [&](const Lists<float>& in) { return plain(in[0], c.x, true); }, {{type}, {type}});
    }
}

TEST(CudaPooling, TheFirstNanIsTheMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const DeviceArray<float> x({1, 2, 4, 1}, {1, nan, -inf, -inf, nan, inf, -inf, -inf}), y({1, 1, 2, 1});
  const DeviceArray<std::int32_t> indices({1, 1, 2, 1});
  max_pool2d(Stream(), x.view(), {2, 2, 0}, y.view(), indices.view());
  EXPECT_TRUE(std::isnan(y.values()[0]));
  EXPECT_EQ(y.values()[1], -inf);
  EXPECT_EQ(indices.values(), (std::vector<std::int32_t>{1, 2}));
}

// A pooling layer of VGG, in small: whole vectors and sectors, and the bytes that the cost says.
TEST(CudaPooling, MovesWhatItsCostSaysInWholeSectors) {
  const Shape x = {1, 8, 8, 64};
  const Pool2d options{2, 2, 0};
  const Shape y = pool2d_shape(x, options);
  const auto filled = [](const Shape& shape) {
    return DeviceArray<float>(shape, std::vector<float>(static_cast<std::size_t>(shape.count()), 1));
  };
  const DeviceArray<float> in = filled(x), out = filled(y);
  const DeviceArray<std::int32_t> indices(y);
  const auto check_counters = [](const char* name, const Cost& cost, const auto& kernel) {
    simt::options().count_requests = true;
    simt::reset_counters();
    kernel();
    const simt::Counters counted = simt::counters();
    simt::options().count_requests = false;
    EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read)) << name;
    EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written)) << name;
    EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors) << name;
  };
  check_counters("max_pool2d", max_pool2d_cost(x, options, DType::f32),
                 [&] { max_pool2d(Stream(), in.view(), options, out.view(), indices.view()); });
  check_counters("max_pool2d_gradient", max_pool2d_gradient_cost(x, options, DType::f32),
                 [&] { max_pool2d_gradient(Stream(), out.view(), indices.view(), options, in.view()); });
  check_counters("average_pool2d", average_pool2d_cost(x, options, DType::f32),
                 [&] { average_pool2d(Stream(), in.view(), options, out.view()); });
  check_counters("average_pool2d_gradient", average_pool2d_gradient_cost(x, options, DType::f32),
                 [&] { average_pool2d_gradient(Stream(), out.view(), options, in.view()); });
}

TEST(CudaPooling, CostCountsPaddingAndOverlap) {
  const Shape x = {1, 5, 5, 1};
  EXPECT_EQ(average_pool2d_cost(x, {3, 2, 1}, DType::f32).bytes_read, 4 * 7 * 7);  // windows of 2, 3 and 2 rows
  EXPECT_EQ(max_pool2d_cost(x, {3, 2, 1}, DType::f16).bytes_written, 9 * (2 + 4));
}

TEST(CudaPooling, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({1, 4, 4, 1}, std::vector<float>(16, 1)), y({1, 3, 2, 1}), z({1, 2, 2, 1});
  const DeviceArray<std::int32_t> indices({1, 2, 1, 1}), integers({1, 2, 2, 1});
  const Pool2d options{2, 2, 0};
  expect_error([&] { average_pool2d(Stream(), x.view(), options, y.view()); }, {"(1, 4, 4, 1)", "(1, 3, 2, 1)"});
  expect_error([&] { max_pool2d(Stream(), x.view(), options, z.view(), indices.view()); },
               {"max_pool2d", "(1, 2, 1, 1) do not fit (1, 2, 2, 1)"});
  expect_error([&] { average_pool2d(Stream(), x.view(), options, integers.view()); },
               {"average_pool2d: f32, f16 or bf16 expected, found i32"});
}

}  // namespace
}  // namespace basin::cuda
