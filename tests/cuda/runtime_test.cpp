// Streams, events, buffers and copies of the emulated device.
#include "cuda/runtime.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

TEST(CudaRuntime, ThereIsOneEmulatedDevice) {
  EXPECT_EQ(device_count(), 1);
  EXPECT_EQ(device_obstacle(0), "");
  EXPECT_NE(device_obstacle(1), "");
  EXPECT_EQ(device_obstacle(1).find('\n'), std::string::npos);
  select_device(0);
  EXPECT_EQ(selected_device(), 0);
  expect_error([] { select_device(1); }, {"device 1"});
}

TEST(CudaRuntime, BuffersMove) {
  DeviceBuffer a(Stream(), 64);
  void* const data = a.data();
  DeviceBuffer b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(a.bytes(), 0u);
  DeviceBuffer c(Stream(), 8);
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.bytes(), 64u);
}

TEST(CudaRuntime, CopiesThroughPinnedMemory) {
  const OwnedStream stream;
  const DeviceArray<float> x({3}, {1, 2, 3});
  const PinnedBuffer host(3 * sizeof(float));
  start_copy_to_host(stream, host, x.data(), host.bytes());
  Event copied;
  copied.record(stream);
  copied.synchronize();
  EXPECT_TRUE(copied.reached());
  float values[3];
  std::memcpy(values, host.data(), sizeof(values));
  EXPECT_EQ(values[2], 3);
  expect_error([&] { start_copy_to_host(stream, host, x.data(), 16); }, {"16 bytes into 12"});
}

TEST(CudaRuntime, EmptyCopiesAreNone) {
  const DeviceBuffer x(Stream(), 0), y(Stream(), 0);
  copy_to_device(Stream(), x.data(), nullptr, 0);
  copy_on_device(Stream(), y.data(), x.data(), 0);
  copy_to_host(Stream(), nullptr, y.data(), 0);
}

TEST(CudaRuntime, CopiesStayInsideOfBuffers) {
  const DeviceBuffer x(Stream(), 8);
  const double values[2] = {1, 2};
  expect_error([&] { copy_to_device(Stream(), x.data(), values, 16); }, {"16 bytes", "allocation of 8 bytes"});
}

}  // namespace
}  // namespace basin::cuda
