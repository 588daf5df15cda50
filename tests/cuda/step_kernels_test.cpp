// Kernels of training steps, emulated: the suites of every back end, whatever the order of warps; captured in a graph.
#include "cuda/kernels/step/cuda_step_kernels.h"

#include <memory>

#include "cuda/graph.h"
#include "cuda/memory_pool.h"
#include "cuda/simt/simt.h"
#include "tests/core/load_batch_suite.h"
#include "tests/core/step_kernels_suite.h"
#include "tests/core/step_update_suite.h"
#include "tests/cuda/device_array.h"

namespace basin {
namespace {

using cuda::CudaStepKernels, cuda::DeviceBuffer, cuda::Stream;

template <std::uint64_t seed>
class EmulatedStepDevice final : public StepDevice {
 public:
  EmulatedStepDevice() { simt::options().seed = seed; }
  ~EmulatedStepDevice() override { simt::options().seed = 1; }

  StepKernels& kernels() override { return kernels_; }
  void* allocate(std::size_t bytes) override {
    return memory_.emplace_back(std::make_unique<DeviceBuffer>(Stream(), bytes))->data();
  }
  void write(void* to, const void* host, std::size_t bytes) override {
    cuda::copy_to_device(Stream(), to, host, bytes);
  }
  void read(void* host, const void* from, std::size_t bytes) override {
    cuda::copy_to_host(Stream(), host, from, bytes);
  }

 private:
  CudaStepKernels kernels_{Stream()};
  std::vector<std::unique_ptr<DeviceBuffer>> memory_;
};

using EmulatedDevices = ::testing::Types<EmulatedStepDevice<1>, EmulatedStepDevice<2>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Emulated, StepKernelsTest, EmulatedDevices);
INSTANTIATE_TYPED_TEST_SUITE_P(Emulated, StepUpdateTest, EmulatedDevices);
INSTANTIATE_TYPED_TEST_SUITE_P(Emulated, LoadBatchTest, EmulatedDevices);

// A captured step reads what changes from step to step when it runs: the third has another batch, learning rate and
// loss scale, and is skipped.
TEST(CudaStepKernels, CapturedStepsGoOn) {
  EmulatedStepDevice<1> device;
  const cuda::OwnedStream stream;
  CudaStepKernels kernels{stream};
  const std::vector<std::uint8_t> pixels{0, 1, 2, 3, 4, 5};
  const ImageSource source{.images = device.array<std::uint8_t>({6, 1, 1, 1}, pixels),
                           .labels = device.array<std::int32_t>({6}, {0, 1, 0, 1, 0, 1}),
                           .order = device.array<std::int32_t>({6}, {5, 4, 3, 2, 1, 0}),
                           .table = device.array<float>({1, 256}, eighths(256, 3))};
  StepNumbers start;
  start.loss_scale = {4, 0};
  const StepRun run(device, start);
  const View x = device.empty<float>({2, 1, 1, 1}), labels = device.empty<std::int32_t>({2});
  const View losses = device.array<float>({2}, {1, 2}), logits = device.array<float>({2, 2}, {1, 2, 1, 2});
  const View parameter = device.array<float>({1}, {1}), gradient = device.array<float>({1}, {1});
  const ParameterUpdate update{
      .parameter = parameter, .first = device.empty<float>({1}), .second = {}, .gradient = gradient};
  const Assignment statistic{parameter, device.array<float>({1}, {0})};
  const LossScaling scaling{.enabled = true, .growth_steps = 2};

  cuda::MemoryArena arena(cuda::memory_pool(), stream);
  cuda::Capture capture(stream);
  kernels.load_batch(source, run.state(), x, labels);
  kernels.check_finite(losses, {&update, 1}, scaling, run.state());
  kernels.add_to_sums(losses, logits, labels, run.state());
  kernels.update({.momentum = 0, .nesterov = false, .weight_decay = 0}, {&update, 1}, run.state());
  kernels.commit({&statistic, 1}, run.state());
  kernels.finish_step(2, run.state());
  const cuda::Graph graph = capture.finish();
  arena.close();
  EXPECT_EQ(run.read(), start);

  const float parameters[] = {1 - 0.5f / 4, 1 - 0.5f / 4 - 0.25f / 4, 1 - 0.5f / 4 - 0.25f / 4};
  const StepNumbers expected[] = {{.counters = {1, 1, 0, 2, 0, 0}, .sums = {3, 1, 2}, .loss_scale = {4, 1}},
                                  {.counters = {2, 2, 0, 4, 0, 0}, .sums = {6, 2, 4}, .loss_scale = {8, 0}},
                                  {.counters = {3, 2, 0, 6, 1, 0}, .sums = {6, 2, 4}, .loss_scale = {4, 0}}};
  for (int step = 0; step < 3; ++step) {
    if (step == 2) device.write(gradient.data, &kNotFinite[0], sizeof(float));
    graph.run(stream);
    EXPECT_EQ(run.read(), expected[step]) << step;
    EXPECT_EQ(device.values<float>(parameter), std::vector<float>{parameters[step]}) << step;
    EXPECT_EQ(device.values<float>(statistic.to), std::vector<float>{parameters[step]}) << step;
    EXPECT_EQ(device.values<std::int32_t>(labels), (std::vector<std::int32_t>{1, 0})) << step;
    const auto table = eighths(256, 3);
    EXPECT_EQ(device.values<float>(x), (std::vector<float>{table[5 - 2 * step], table[4 - 2 * step]})) << step;
  }
}

// ResNet-110 has 110 convolutions and batch norms: as many tensors as any.
TEST(CudaStepKernels, HundredsOfTensorsTakeFewLaunches) {
  EmulatedStepDevice<1> device;
  const StepRun run(device);
  const auto drawn = [&](std::uint64_t kind) { return device.array<float>({330}, eighths(330, kind)); };
  const View parameters = drawn(0), momenta = drawn(1), gradients = drawn(2);
  std::vector<ParameterUpdate> updates;
  std::vector<Assignment> assignments;
  for (std::int64_t i = 0; i < 330; ++i) {
    const auto at = [&](const View& v) { return View{v.as<float>() + i, DType::f32, {1}}; };
    updates.push_back({.parameter = at(parameters), .first = at(momenta), .second = {}, .gradient = at(gradients)});
    assignments.push_back({at(parameters), at(momenta)});
  }
  const auto launches = [&](const auto& work) {
    simt::reset_counters();
    work();
    return simt::counters().launches;
  };
  StepKernels& kernels = device.kernels();
  const View losses = device.array<float>({2}, {1, 2});
  EXPECT_EQ(launches([&] { kernels.check_finite(losses, updates, {}, run.state()); }), 4u);
  EXPECT_EQ(run.read()[StepCounter::problem], 0);
  EXPECT_EQ(launches([&] { kernels.update({}, updates, run.state()); }), 6u);
  EXPECT_EQ(launches([&] { kernels.commit(assignments, run.state()); }), 4u);
  device.write(const_cast<float*>(updates[250].gradient.as<float>()), &kNotFinite[0], sizeof(float));
  kernels.check_finite(losses, updates, {}, run.state());
  EXPECT_EQ(run.read()[StepCounter::problem], 252);
}

}  // namespace
}  // namespace basin
