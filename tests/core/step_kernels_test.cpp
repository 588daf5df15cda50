// Training steps on the CPU: the suites of every back end, and that a step is what the optimizers do, bit for bit.
#include "tests/core/step_kernels_suite.h"

#include <memory>

#include "core/optimizer.h"
#include "tests/core/load_batch_suite.h"
#include "tests/core/step_update_suite.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

class CpuStepDevice final : public StepDevice {
 public:
  StepKernels& kernels() override { return cpu_backend().step_kernels(); }
  void* allocate(std::size_t bytes) override {
    return memory_.emplace_back(std::make_unique<Buffer>(cpu_backend(), bytes))->data();
  }
  void write(void* to, const void* host, std::size_t bytes) override { cpu_backend().copy_from_host(to, host, bytes); }
  void read(void* host, const void* from, std::size_t bytes) override { cpu_backend().copy_to_host(host, from, bytes); }

 private:
  std::vector<std::unique_ptr<Buffer>> memory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Cpu, StepKernelsTest, CpuStepDevice);
INSTANTIATE_TYPED_TEST_SUITE_P(Cpu, StepUpdateTest, CpuStepDevice);
INSTANTIATE_TYPED_TEST_SUITE_P(Cpu, LoadBatchTest, CpuStepDevice);

// Two parameters, and gradients that depend on where one is.
template <class T>
struct Parameters {
  Tensors values = {drawn({3, 41}, 0), drawn({7}, 1)};
  static Tensor drawn(const Shape& shape, std::uint64_t stream) {
    const Tensor x = Tensor::empty(shape, dtype_of<T>, cpu_backend());
    cpu_backend().normal(1, stream, x.mutable_view());
    return x;
  }
  Tensors gradients(double scale) const {
    Tensors result;
    for (const Tensor& p : values) {
      result.push_back(Tensor::empty(p.shape(), dtype_of<T>, cpu_backend()));
      cpu_backend().affine(p.view(), 2 * scale, scale, result.back().mutable_view());
    }
    return result;
  }
};

template <class T>
void expect_the_optimizers_bits(const OptimizerOptions& options, float scale) {
  const Parameters<T> plain, kernels;
  const auto optimizer = make_optimizer(options, {"a", "b"}, plain.values);
  const auto slots = make_optimizer(options, {"a", "b"}, kernels.values);
  CpuStepDevice device;
  StepNumbers start;
  start.loss_scale[0] = scale;
  const StepRun run(device, start);
  for (int step = 0; step < 3; ++step) {
    optimizer->step(plain.gradients(1), std::ldexp(0.5, -step));
    std::vector<ParameterUpdate> updates = slots->updates();
    const Tensors gradients = kernels.gradients(scale);
    for (std::size_t i = 0; i < updates.size(); ++i) updates[i].gradient = gradients[i].view();
    device.kernels().update(options, updates, run.state());
    device.kernels().finish_step(1, run.state());
  }
  const auto expect_equal = [](const Tensor& a, const Tensor& b) { EXPECT_EQ(a.to_vector<T>(), b.to_vector<T>()); };
  for (std::size_t i = 0; i < plain.values.size(); ++i) expect_equal(plain.values[i], kernels.values[i]);
  for (std::size_t i = 0; i < slots->slots().size(); ++i)
    expect_equal(optimizer->slots()[i].value, slots->slots()[i].value);
}

TEST(CpuStepKernels, UpdatesAreTheOptimizersBitForBit) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw})
    for (const bool nesterov : {false, true})
      for (const float scale : {1.0f, 4096.0f}) {
        expect_the_optimizers_bits<float>({.kind = kind, .nesterov = nesterov, .weight_decay = 0.01}, scale);
        expect_the_optimizers_bits<double>({.kind = kind, .nesterov = nesterov, .weight_decay = 0.01}, scale);
      }
}

TEST(CpuStepKernels, SumsAreThoseOfDoublesInOrder) {
  CpuStepDevice device;
  const StepRun run(device);
  const Random random(3, 4);
  double expected = 0;
  for (const std::int64_t n : {3, 100}) {
    std::vector<double> losses;
    double batch = 0;
    for (std::int64_t i = 0; i < n; ++i) batch += losses.emplace_back(random.normal(static_cast<std::uint64_t>(i)));
    expected += batch;
    device.kernels().add_to_sums(device.array<double>({n}, losses), device.array<double>({n, 1}, losses),
                                 device.array<std::int32_t>({n}, std::vector<std::int32_t>(losses.size())),
                                 run.state());
    EXPECT_EQ(run.read().sums[0], expected);
  }
}

TEST(CpuStepKernels, MisfitsAreNamed) {
  CpuStepDevice device;
  StepNumbers numbers;
  numbers[StepCounter::begin] = 3;
  numbers[StepCounter::batches] = 4;
  const StepRun run(device, numbers);
  StepKernels& kernels = device.kernels();
  const std::vector<std::uint8_t> pixels(5 * 4);
  const ImageSource source{.images = device.array<std::uint8_t>({5, 2, 2, 1}, pixels),
                           .labels = device.array<std::int32_t>({5}, {0, 1, 2, 3, 4}),
                           .order = {},
                           .table = device.array<float>({1, 256}, eighths(256, 0))};
  const View x = device.empty<float>({3, 2, 2, 1}), labels = device.empty<std::int32_t>({3});
  expect_error([&] { kernels.load_batch(source, run.state(), x, labels); }, {"places [3, 6)", "5 images"});
  ImageSource ordered = source;
  ordered.order = device.array<std::int32_t>({6}, {0, 0, 0, 1, 5, 2});
  expect_error([&] { kernels.load_batch(ordered, run.state(), x, labels); }, {"image 5 of 5"});
  expect_error([&] { kernels.load_batch(source, run.state(), device.empty<float16>(x.shape), labels); }, {"f16"});

  const View p = device.array<float>({2}, {1, 2});
  ParameterUpdate update{.parameter = p, .first = p, .second = p, .gradient = p};
  expect_error([&] { kernels.update({}, {&update, 1}, run.state()); }, {"learning rate for batch 4 of 4"});
  const StepRun first(device);
  update.gradient = device.array<bfloat16>({2}, {{}, {}});
  expect_error([&] { kernels.update({}, {&update, 1}, first.state()); }, {"bf16", "f32"});
  const Assignment assignment{device.array<float>({3}, {1, 2, 3}), p};
  expect_error([&] { kernels.commit({&assignment, 1}, first.state()); }, {"commit", "(3)", "(2)"});
  expect_error(
      [&] {
        kernels.add_to_sums(p, p, device.array<std::int32_t>({2}, {0, 0}), first.state());
      },
      {"add_to_sums", "(2)"});
}

}  // namespace
}  // namespace basin
