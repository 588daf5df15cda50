// Captured work: nothing is done before it is run, arguments and host values are those of the capture, memory is kept.
#include "cuda/graph.h"

#include <gtest/gtest.h>

#include "cuda/launch.h"
#include "cuda/memory_pool.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

__global__ void add_kernel(Global<float> x, float value) { x[threadIdx.x] = x[threadIdx.x] + value; }
__global__ void copy_first_kernel(Global<const float> x, Global<float> y) { y[threadIdx.x] = x[threadIdx.x]; }

using Values = std::vector<float>;

void add(Stream stream, const DeviceArray<float>& x, float value) {
  launch(stream, {1, 2}, add_kernel, Global<float>(x.data(), 2), value);
}

TEST(CudaGraph, DoesNothingBeforeItRuns) {
  const OwnedStream stream;
  const DeviceArray<float> x({2}, {1, 2});
  Capture capture(stream);
  add(stream, x, 1);
  add(stream, x, 10);
  const Graph graph = capture.finish();
  EXPECT_EQ(x.values(), (Values{1, 2}));
  graph.run(stream);
  EXPECT_EQ(x.values(), (Values{12, 13}));
  graph.run(stream);
  EXPECT_EQ(x.values(), (Values{23, 24}));
}

TEST(CudaGraph, KeepsTheArgumentsOfTheCapture) {
  const OwnedStream stream;
  const DeviceArray<float> x({2}, {0, 0}), y({2}, {0, 0});
  Values host{5, 6};
  float step = 1;
  Capture capture(stream);
  copy_to_device(stream, x.data(), host.data(), 2 * sizeof(float));
  add(stream, x, step);
  copy_on_device(stream, y.data(), x.data(), 2 * sizeof(float));
  const Graph graph = capture.finish();
  host = {-1, -1};
  step = -1;
  graph.run(stream);
  graph.run(stream);
  EXPECT_EQ(y.values(), (Values{6, 7}));
}

TEST(CudaGraph, WorkAfterTheCaptureIsDoneAtOnce) {
  const OwnedStream stream, other;
  const DeviceArray<float> x({2}, {1, 2});
  {
    Capture capture(stream);
    EXPECT_TRUE(Stream(stream).capturing());
    add(stream, x, 100);
    add(other, x, 1);  // not captured
    EXPECT_EQ(x.values(), (Values{2, 3}));
  }  // forgotten
  EXPECT_FALSE(Stream(stream).capturing());
  add(stream, x, 1);
  EXPECT_EQ(x.values(), (Values{3, 4}));
}

TEST(CudaGraph, RefusesToWaitWhileItCaptures) {
  const OwnedStream stream;
  const DeviceArray<float> x({2}, {1, 2});
  Values host(2);
  Capture capture(stream);
  expect_error([&] { copy_to_host(stream, host.data(), x.data(), 8); }, {"graph_test.cpp", "captured"});
  expect_error([&] { Stream(stream).synchronize(); }, {"graph_test.cpp", "captured"});
  expect_error([&] { Capture again(stream); }, {"captured"});
  expect_error([&] { Capture of_default{Stream()}; }, {"default stream"});
}

TEST(CudaGraph, ReportsDefectsOfWhatItRuns) {
  const OwnedStream stream;
  const DeviceArray<float> x({2}), y({2});
  Capture capture(stream);
  launch(stream, {1, 2}, copy_first_kernel, Global<const float>(x.data(), 2), Global<float>(y.data(), 2));
  const Graph graph = capture.finish();
  expect_error([&] { graph.run(stream); }, {"nothing has written"});
  copy_to_device(Stream(), x.data(), Values{1, 2}.data(), 8);
  graph.run(stream);
  EXPECT_EQ(y.values(), (Values{1, 2}));
}

// A value that a run leaves in memory which it reads again before it is written is found at every run.
TEST(CudaGraph, IntermediateMemoryIsUnwrittenAtEachRun) {
  const OwnedStream stream;
  const DeviceArray<float> x({2}, {1, 2}), y({2});
  MemoryArena arena(memory_pool(), stream);
  Capture capture(stream);
  {
    const DeviceBuffer first(stream, 8);
    copy_on_device(stream, first.data(), x.data(), 8);
  }
  const DeviceBuffer second(stream, 8);  // the same block, in which the values of `first` are left
  launch(stream, {1, 2}, copy_first_kernel, Global<const float>(second.as<float>(), 2), Global<float>(y.data(), 2));
  const Graph graph = capture.finish();
  arena.close();
  for (int run = 0; run < 2; ++run) expect_error([&] { graph.run(stream); }, {"nothing has written"});
}

}  // namespace
}  // namespace basin::cuda
