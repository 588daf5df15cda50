#include "cuda/kernels/reduce.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

// y = x summed over axes where y's extent is 1, in row order.
std::vector<float> plain_sum(const std::vector<float>& x, const Shape& from, const Shape& to) {
  std::vector<float> y(static_cast<std::size_t>(to.count()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::int64_t rest = static_cast<std::int64_t>(i), at = 0, stride = 1;
    for (std::size_t axis = from.size(); axis-- > 0;) {
      if (to[axis] != 1) at += rest % from[axis] * stride;
      stride *= to[axis];
      rest /= from[axis];
    }
    y[at] += x[i];
  }
  return y;
}

TEST(CudaReduce, SumMatchesFloat64) {
  const std::pair<Shape, Shape> cases[] = {{{1}, {1}},
                                           {{31}, {1}},
                                           {{32}, {1}},
                                           {{33}, {1}},
                                           {{1021}, {1}},
                                           {{20011}, {1}},
                                           {{1, 33}, {1, 33}},
                                           {{7, 31}, {1, 31}},
                                           {{7, 31}, {7, 1}},
                                           {{1021, 3}, {1, 3}},
                                           {{1021, 3}, {1021, 1}},
                                           {{33, 100}, {1, 100}},
                                           {{300, 10}, {300, 1}},
                                           {{5, 33, 7}, {5, 1, 7}},
                                           {{5, 33, 7}, {1, 33, 1}},
                                           {{3, 5, 4, 6}, {1, 5, 1, 6}},
                                           {{3, 5, 4, 6}, {3, 1, 4, 1}},
                                           {{16, 16, 16, 16}, {1, 1, 1, 16}},
                                           {{16, 8, 8, 64}, {16, 1, 1, 64}},
                                           {{9, 5}, {9, 5}}};
  for (const DType type : kFloatTypes)
    for (const auto& [from, to] : cases)
      check_emulated(
          "reduce_sum", {normal_input(from, 0)}, {to},
          [](const ConstViews& in, const Views& out) { reduce_sum(Stream(), in[0], out[0]); },
          [](const ConstViews& in, const Views& out) { cpu.reduce_sum(in[0], out[0]); },
          [x = from, y = to](const Lists<float>& in) { return Lists<float>{plain_sum(in[0], x, y)}; },
          {{type}, {type}});
}

TEST(CudaReduce, SumOfNothingIsZero) {
  const DeviceArray<float> x({0, 3}), y({1, 3});
  reduce_sum(Stream(), x.view(), y.view());
  EXPECT_EQ(y.values(), (std::vector<float>{0, 0, 0}));
}

// 257 is no bfloat16: were the sums over one axis rounded before those over the other, 66049 would become 65536.
TEST(CudaReduce, SumsOfHalvesAreRoundedOnce) {
  const DeviceArray<bfloat16> ones({257, 3, 257}, std::vector<bfloat16>(257 * 3 * 257, to_bfloat16(1))), sum({1, 3, 1});
  reduce_sum(Stream(), ones.view(), sum.view());
  for (const bfloat16 v : sum.values()) EXPECT_EQ(to_float(v), 66048);  // 66049 to 8 bits
}

template <class T>
void check_traffic(std::int64_t outer, std::int64_t middle, std::int64_t inner) {
  const DeviceArray<T> x({outer, middle, inner},
                         std::vector<T>(static_cast<std::size_t>(outer * middle * inner), stored<T>(1)));
  const DeviceArray<T> y({outer, 1, inner});
  simt::options().count_requests = true;
  simt::reset_counters();
  reduce_sum(Stream(), x.view(), y.view());
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  const Cost cost = sum_middle_cost(dtype_of<T>, outer, middle, inner);
  for (const T v : y.values()) EXPECT_EQ(number(v), static_cast<double>(middle));
  EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
  EXPECT_EQ(counted.shared_wavefronts, counted.shared_ideal_wavefronts);
}

TEST(CudaReduce, ReadsWhatItsCostSaysWithoutBankConflicts) {
  const std::int64_t cases[][3] = {{1, 4096, 16}, {1, 512, 64}, {7, 100, 3}, {100, 10, 1}, {1, 20000, 1}};
  for (const auto& [outer, middle, inner] : cases) {
    check_traffic<float>(outer, middle, inner);
    check_traffic<float16>(outer, middle, inner);
  }
}

TEST(CudaReduce, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({2, 3}, std::vector<float>(6, 1)), y({2, 2});
  expect_error([&] { reduce_sum(Stream(), x.view(), y.view()); }, {"(2, 3)", "cannot be summed to", "(2, 2)"});
  const DeviceArray<float16> half({2, 1});
  expect_error([&] { reduce_sum(Stream(), x.view(), half.view()); }, {"f32 to f16"});
  const DeviceArray<double> d({2, 1}, {1, 2});
  expect_error([&] { reduce_sum(Stream(), d.view(), d.view()); }, {"reduce_sum", "expected, found f64"});
}

}  // namespace
}  // namespace basin::cuda
