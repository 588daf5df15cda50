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
  for (const auto& [from, to] : cases)
    check_emulated(
        "reduce_sum", {normal_input(from, 0)}, {to},
        [](const ConstViews& in, const Views& out) { reduce_sum(Stream(), in[0], out[0]); },
        [](const ConstViews& in, const Views& out) { cpu.reduce_sum(in[0], out[0]); },
        [x = from, y = to](const Lists<float>& in) { return Lists<float>{plain_sum(in[0], x, y)}; });
}

TEST(CudaReduce, SumOfNothingIsZero) {
  const DeviceArray<float> x({0, 3}), y({1, 3});
  reduce_sum(Stream(), x.view(), y.view());
  EXPECT_EQ(y.values(), (std::vector<float>{0, 0, 0}));
}

TEST(CudaReduce, ReadsWhatItsCostSaysWithoutBankConflicts) {
  simt::options().count_requests = true;
  const std::int64_t cases[][3] = {{1, 4096, 16}, {1, 512, 64}, {7, 100, 3}, {100, 10, 1}, {1, 20000, 1}};
  for (const auto& [outer, middle, inner] : cases) {
    const DeviceArray<float> x({outer, middle, inner},
                               std::vector<float>(static_cast<std::size_t>(outer * middle * inner), 1));
    const DeviceArray<float> y({outer, inner});
    simt::reset_counters();
    sum_middle(Stream(), x.data(), outer, middle, inner, y.data());
    const simt::Counters counted = simt::counters();
    const Cost cost = sum_middle_cost(outer, middle, inner);
    EXPECT_EQ(y.values(), std::vector<float>(static_cast<std::size_t>(outer * inner), static_cast<float>(middle)));
    EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
    EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
    EXPECT_EQ(counted.shared_wavefronts, counted.shared_ideal_wavefronts);
  }
  simt::options().count_requests = false;
}

TEST(CudaReduce, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({2, 3}, std::vector<float>(6, 1)), y({2, 2});
  expect_error([&] { reduce_sum(Stream(), x.view(), y.view()); }, {"(2, 3)", "cannot be summed to", "(2, 2)"});
}

}  // namespace
}  // namespace basin::cuda
