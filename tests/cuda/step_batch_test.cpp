// Batches in half precision, and what loading one reads and writes; finite checks of half precision.
#include "cuda/kernels/step/check_finite.h"
#include "cuda/kernels/step/load_batch.h"
#include "cuda/kernels/step/sums.h"
#include "tests/core/load_batch_suite.h"
#include "tests/cuda/emulated_kernel.h"

namespace basin::cuda {
namespace {

// The state of a step in device memory.
struct StateArrays {
  explicit StateArrays(const std::vector<std::int64_t>& values) : counters({kStepCounters}, values) {}
  StepState state() const {
    return {.counters = counters.view(), .sums = sums.view(), .loss_scale = loss_scale.view(), .learning_rates = {}};
  }
  DeviceArray<std::int64_t> counters;
  DeviceArray<double> sums{{3}, {0, 0, 0}};
  DeviceArray<float> loss_scale{{2}, {1, 0}};
};

struct SourceArrays {
  explicit SourceArrays(const LoadBatchCase& one)
      : images({one.count, one.height, one.width, one.channels}, one.pixels()),
        labels({one.count}, one.labels()),
        order({static_cast<std::int64_t>(one.order.size())}, one.order),
        table({one.channels, 256}, one.table()),
        source{.images = images.view(),
               .labels = labels.view(),
               .order = one.order.empty() ? ConstView{} : order.view(),
               .table = table.view(),
               .augment = one.augment,
               .padding = one.padding,
               .seed = 9} {}
  DeviceArray<std::uint8_t> images;
  DeviceArray<std::int32_t> labels, order;
  DeviceArray<float> table;
  ImageSource source;
};

template <class T>
void check_half_batch(const LoadBatchCase& one, std::int64_t offset) {
  const SourceArrays arrays(one);
  const StateArrays step({0, 0, 2, 1, 0, 0});
  const DeviceArray<T> x({3, one.height, one.width, one.channels}, offset);
  const DeviceArray<std::int32_t> labels({3});
  load_batch(Stream(), arrays.source, step.state(), x.view(), labels.view());
  const std::vector<float> expected = one.expected(9, 2, 1, 3);
  const std::vector<T> found = x.values();
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i].bits, stored<T>(expected[i]).bits) << i;
  EXPECT_TRUE(x.sentinel_intact() && labels.sentinel_intact());
}

TEST(CudaLoadBatch, HalvesAreTheFloatsRounded) {
  for (const LoadBatchCase& one : load_batch_cases())
    for (const std::int64_t offset : {0, 1}) {
      check_half_batch<float16>(one, offset);
      check_half_batch<bfloat16>(one, offset);
    }
}

TEST(CudaLoadBatch, WritesOnceInWholeSectors) {
  const LoadBatchCase one{.count = 3, .height = 16, .width = 16, .channels = 3, .order = {2, 1, 0}, .augment = false};
  const SourceArrays arrays(one);
  const StateArrays step({0, 0, 0, 0, 0, 0});
  const DeviceArray<float16> x({2, 16, 16, 3});
  const DeviceArray<std::int32_t> labels({2});
  simt::reset_counters();
  load_batch(Stream(), arrays.source, step.state(), x.view(), labels.view());
  const simt::Counters counted = simt::counters();
  const std::uint64_t elements = 2 * 16 * 16 * 3;
  EXPECT_EQ(counted.global_written_bytes, 2 * elements + 2 * 4);
  const std::uint64_t table = 2 * 3 * 256 * 4, counters_and_order = 2 * 256 * (8 + 4) + 2 * 3 * 8 + 2 * 4;
  EXPECT_EQ(counted.global_read_bytes, elements + table + counters_and_order);
}

TEST(CudaLoadBatch, RefusesManyChannelsAndIntegers) {
  const LoadBatchCase one{.count = 1, .height = 2, .width = 2, .channels = 5, .order = {}};
  const SourceArrays arrays(one);
  const StateArrays step({0, 0, 0, 0, 0, 0});
  const DeviceArray<float> x({1, 2, 2, 5});
  const DeviceArray<std::int32_t> labels({1}), integers({1, 2, 2, 3});
  expect_error([&] { load_batch(Stream(), arrays.source, step.state(), x.view(), labels.view()); },
               {"load_batch", "(1, 2, 2, 5)", "4 channels"});
  const SourceArrays three({.count = 1, .height = 2, .width = 2, .channels = 3, .order = {}});
  expect_error([&] { load_batch(Stream(), three.source, step.state(), integers.view(), labels.view()); },
               {"load_batch: f32, f16 or bf16 expected, found i32"});
}

template <class T>
void check_half_gradients(const std::vector<std::uint16_t>& bad, const std::vector<std::uint16_t>& good) {
  SCOPED_TRACE(name_of(dtype_of<T>));
  for (const std::int64_t size : {1, 7, 8, 9, 1000})
    for (const std::int64_t offset : {0, 1})
      for (const std::int64_t place : {std::int64_t{0}, size / 2, size - 1}) {
        const auto problem = [&](std::uint16_t bits) {
          std::vector<T> values(static_cast<std::size_t>(size));
          values[static_cast<std::size_t>(place)].bits = bits;
          const DeviceArray<T> gradient({size}, values, offset);
          const DeviceArray<float> losses({2}, {1, 2});
          const StateArrays step({0, 0, 0, 0, 0, 0});
          const ParameterUpdate update{.parameter = {}, .first = {}, .second = {}, .gradient = gradient.view()};
          check_finite(Stream(), losses.view(), {&update, 1}, {}, step.state());
          return step.counters.values()[static_cast<std::size_t>(StepCounter::problem)];
        };
        for (const std::uint16_t bits : bad) ASSERT_EQ(problem(bits), 2) << bits << " at " << place << " of " << size;
        for (const std::uint16_t bits : good) ASSERT_EQ(problem(bits), 0) << bits << " at " << place << " of " << size;
      }
}

TEST(CudaCheckFinite, SeesHalvesThatAreNotFinite) {
  // infinities, NaNs of the least and of all bits; the largest numbers
  check_half_gradients<float16>({0x7c00, 0xfc00, 0x7c01, 0xffff}, {0x7bff, 0xfbff});
  check_half_gradients<bfloat16>({0x7f80, 0xff80, 0x7f81, 0xffff}, {0x7f7f, 0xff7f, 0x7c00});
}

TEST(CudaCheckFinite, FloatsAreSeenByTheirUpperHalves) {
  for (const std::uint32_t bits : {0x7f80u, 0x7c00u, 0xffffu, 0x7f7fffffu}) {  // lower halves that look bad
    float value;
    std::memcpy(&value, &bits, sizeof value);
    const DeviceArray<float> losses({9}, std::vector<float>(9, value));
    const StateArrays step({0, 0, 0, 0, 0, 0});
    check_finite(Stream(), losses.view(), {}, {}, step.state());
    EXPECT_EQ(step.counters.values(), std::vector<std::int64_t>(kStepCounters, 0)) << bits;
  }
}

TEST(CudaCheckFinite, ReadsEachElementOnce) {
  const DeviceArray<float> losses({4}, {1, 2, 3, 4}), gradient({40000}, std::vector<float>(40000, 1));
  const StateArrays step({0, 0, 0, 0, 0, 0});
  const ParameterUpdate update{.parameter = {}, .first = {}, .second = {}, .gradient = gradient.view()};
  simt::options().count_requests = true;
  simt::reset_counters();
  check_finite(Stream(), losses.view(), {&update, 1}, {}, step.state());
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  const std::uint64_t parts = 1 + 5, state = 8 + 4;  // found; problem and scale
  EXPECT_EQ(counted.global_read_bytes, 4u * 40004 + 4 * parts + state);
  EXPECT_EQ(counted.global_written_bytes, 4 * parts + 8);
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
}

// In one order, which is not the CPU's: n additions of doubles err by n * 2^-53 of the sum of magnitudes at most.
TEST(CudaAddToSums, LossesAreSummedInDouble) {
  for (const std::int64_t n : {1, 33, 1021}) {
    const KernelInput input = normal_input({n}, 0);
    double exact = 0, magnitude = 0;
    for (const double v : input.values) {
      exact += v;
      magnitude += std::abs(v);
    }
    const DeviceArray<float> losses({n}, stored_values<float>(input.values)), logits({n, 2}, std::vector<float>(2 * n));
    const DeviceArray<std::int32_t> labels({n}, std::vector<std::int32_t>(n, 1));
    std::vector<double> first;
    for (const std::uint64_t seed : {1, 2, 3}) {
      simt::options().seed = seed;
      const StateArrays step({0, 0, 0, 0, 0, 0});
      add_to_sums(Stream(), losses.view(), logits.view(), labels.view(), step.state());
      const std::vector<double> sums = step.sums.values();
      EXPECT_LE(std::abs(sums[0] - exact), magnitude * static_cast<double>(n) * 0x1p-52);
      EXPECT_EQ(sums[1], static_cast<double>(n));  // the first of two equal logits is taken
      EXPECT_EQ(sums[2], static_cast<double>(n));
      if (first.empty()) first = sums;
      EXPECT_EQ(sums, first) << "seed " << seed;
    }
    simt::options().seed = 1;
  }
}

}  // namespace
}  // namespace basin::cuda
