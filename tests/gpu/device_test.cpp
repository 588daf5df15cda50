// The back end itself: what it says of itself, memory, copies, recorded work, graphs whose addresses live on.
#include <gtest/gtest.h>

#include <cstring>

#include "core/operations.h"
#include "cuda/runtime.h"
#include "tests/expect_error.h"
#include "tests/gpu/device.h"

namespace basin::gpu {
namespace {

using Values = std::vector<float>;

Tensor tensor(const Values& values) {
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, device());
}

TEST(GpuDevice, SaysWhatItIs) {
  EXPECT_EQ(device().name(), "cuda:0");
  const cuda::DeviceInfo info = cuda::device_info(0);
  EXPECT_FALSE(info.name.empty());
  EXPECT_GE(info.major, 8);
  EXPECT_GE(info.multiprocessors, 1);
  for (const DType type : {DType::f32, DType::f16, DType::bf16}) EXPECT_TRUE(device().computes(type));
  EXPECT_FALSE(device().computes(DType::f64));
  expect_error([] { cuda::cuda_backend(99); }, {"99"});
}

TEST(GpuDevice, SaysWhatMemoryIsMissing) {
  const auto elements = static_cast<std::int64_t>(cuda::device_info(0).memory_bytes / sizeof(float)) + (1 << 20);
  expect_error([&] { Tensor::empty({elements}, DType::f32, device()); }, {"cuda:0", "no memory for", "are free"});
  EXPECT_EQ((tensor({1}) + 1).item(), 2);  // and goes on
}

TEST(GpuDevice, KeepsTheOrderOfCopiesAndKernels) {
  const Tensor x = tensor({1, 2, 3});
  const auto first = device().start_copy_to_host(x.view().data, 12);
  device().affine(x.view(), 10, 0, x.mutable_view());
  const auto second = device().start_copy_to_host(x.view().data, 12);
  const auto values = [](PendingCopy& copy) {
    Values found(3);
    std::memcpy(found.data(), copy.wait(), 12);
    return found;
  };
  EXPECT_EQ(values(*second), (Values{10, 20, 30}));
  EXPECT_EQ(values(*first), (Values{1, 2, 3}));
  EXPECT_TRUE(first->ready() && second->ready());
}

TEST(GpuDevice, MovesBlocksOfAnySize) {
  for (const std::int64_t n : {1, 255, 256, 65537, 1 << 20}) {
    Values values(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 8191);
    const Tensor a = tensor(values), b = a.clone();
    EXPECT_TRUE(b.to_vector<float>() == values) << n;
  }
}

TEST(GpuDevice, CountsWaits) {
  const Tensor x = tensor({1, 2});
  { const Tensor first = x * 2 + x; }  // takes memory from the device, which waits for it
  const std::uint64_t before = host_waits();
  const Tensor y = x * 2 + x;
  EXPECT_EQ(host_waits(), before);
  device().synchronize();
  EXPECT_GT(host_waits(), before);
  const std::uint64_t between = host_waits();
  EXPECT_EQ(y.to_vector<float>(), (Values{3, 6}));
  EXPECT_GT(host_waits(), between);
}

// ---- recorded work

TEST(GpuRecording, RunsAgainOnTheSameMemory) {
  const Tensor x = tensor({1, 2}), y = tensor({0, 10});
  const auto work = device().record([&] {
    const Tensor next = y.detach() * 2 + x;
    device().copy(y.mutable_view().data, next.view().data, 8);
  });
  EXPECT_EQ(y.to_vector<float>(), (Values{0, 10}));
  for (int i = 0; i < 3; ++i) work->run();
  EXPECT_EQ(y.to_vector<float>(), (Values{7, 94}));
}

TEST(GpuRecording, OwnsWhatItAllocates) {
  const Tensor x = tensor({1, 2});
  Tensor y, other;
  {
    const auto work = device().record([&] { y = x * 3 + 1; });
    other = x * 5;
    work->run();
    EXPECT_EQ(y.to_vector<float>(), (Values{4, 7}));
    EXPECT_EQ(other.to_vector<float>(), (Values{5, 10}));
  }
  EXPECT_EQ((y + other).to_vector<float>(), (Values{9, 17}));
}

TEST(GpuRecording, RefusesToWait) {
  const Tensor x = tensor({1, 2});
  expect_error([&] { device().record([&] { (x * 2).to_vector<float>(); }); }, {"captured"});
  EXPECT_EQ((x * 2).to_vector<float>(), (Values{2, 4}));  // and goes on
}

}  // namespace
}  // namespace basin::gpu
