#include "cuda/kernels/scan.h"

#include "core/random.h"
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"

namespace basin::cuda {
namespace {

TEST(CudaScan, EqualsTheRunningSum) {
  const Random random(13, 0);
  for (const std::int64_t count : {1, 3, 4, 1023, 1024, 1025, 5003})
    for (const std::uint64_t seed : {1, 2}) {
      std::vector<std::int32_t> values(static_cast<std::size_t>(count)), sums(values.size());
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int32_t>(random.below(100, i));
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        sums[i] = sum;
        sum += values[i];
      }
      simt::options().seed = seed;
      const DeviceArray<std::int32_t> on_device({count}, values);
      exclusive_scan(Stream(), on_device.data(), count);
      EXPECT_EQ(on_device.values(), sums) << count << " values, seed " << seed;
      EXPECT_TRUE(on_device.sentinel_intact());
    }
  simt::options().seed = 1;
}

TEST(CudaScan, ScansTheSumsOfManyBlocks) {  // more than one block of blocks
  const std::int64_t count = 1024 * 1024 + 1;
  const DeviceArray<std::int32_t> ones({count}, std::vector<std::int32_t>(static_cast<std::size_t>(count), 1));
  exclusive_scan(Stream(), ones.data(), count);
  const std::vector<std::int32_t> found = ones.values();
  for (std::int64_t i = 0; i < count; ++i) ASSERT_EQ(found[static_cast<std::size_t>(i)], i);
}

TEST(CudaScan, NothingIsNoError) { exclusive_scan(Stream(), nullptr, 0); }

}  // namespace
}  // namespace basin::cuda
