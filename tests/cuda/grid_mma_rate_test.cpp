#include "cuda/grid/mma_rate.h"

#include <gtest/gtest.h>

#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

TEST(CudaMmaRate, DoesTheProductsThatItCounts) {
  constexpr int kRounds = 3;
  for (const DType type : {DType::f16, DType::bf16, DType::f32}) {
    const DeviceArray<float> y({2, kMmaThreads});
    simt::reset_counters();
    multiply_registers(Stream(), type, kRounds, y.view());
    const simt::Counters counted = simt::counters();
    const std::int64_t inner = type == DType::f32 ? 8 : 16;
    for (const float sum : y.values()) EXPECT_EQ(sum, static_cast<float>(kMmaSums * 4 * kRounds * inner));
    EXPECT_EQ(static_cast<std::int64_t>(counted.mma + counted.mma_tf32) * 2 * 16 * 8 * inner,
              multiply_registers_flops(type, 2, kRounds));
  }
  const DeviceArray<float> y({2, 32});
  expect_error([&] { multiply_registers(Stream(), DType::f16, 1, y.view()); }, {"multiply_registers"});
}

}  // namespace
}  // namespace basin::cuda
