// Training on the device: whole steps against the CPU, runs against themselves, and what the host waits for.
#include <gtest/gtest.h>

#include <cmath>

#include "core/interrupt.h"
#include "core/random.h"
#include "models/training/training_step.h"
#include "tests/gpu/device.h"
#include "tests/models/training/small_run.h"

namespace basin::gpu {
namespace {

std::int64_t batch_size() { return small_shapes() ? 4 : 128; }

// On the emulator a shallow one stands for all; deep ones amplify rounding errors where there are few images.
std::vector<std::string> networks() {
  if (small_shapes()) return {"resnet8"};
  return {"resnet20", "vgg9"};
}

// Three classes of noise that differ in brightness.
Images images(std::int64_t count, std::uint64_t stream) {
  const std::int64_t extent = small_shapes() ? 8 : 32;
  Images result{.count = count, .height = extent, .width = extent, .channels = 3, .pixels = {}, .labels = {}};
  const Random random(7, stream);
  for (std::int64_t i = 0; i < count * result.image_size(); ++i) {
    const auto label = static_cast<std::int32_t>(i / result.image_size() % 3);
    result.pixels.push_back(static_cast<std::uint8_t>(60 * label + static_cast<int>(random.below(100, i))));
    if (i % result.image_size() == 0) result.labels.push_back(label);
  }
  return result;
}

Dataset dataset(std::int64_t train, std::int64_t test) {
  Dataset result;
  result.name = "brightness";
  result.class_names = {"dark", "grey", "light"};
  result.train = images(train, 0);
  result.test = images(test, 1);
  return result;
}

TrainingOptions step_options(const std::string& model) {
  TrainingOptions options;
  options.model = model;
  options.epochs = 1;
  options.batch = batch_size();
  options.learning_rate = 0.005;
  options.seed = 3;
  return options;
}

// A network with its training step, on one back end.
class Network {
 public:
  Network(const TrainingOptions& options, const Dataset& data, Backend& backend)
      : model_(find_model(options.model, 3)) {
    model_.image = {data.train.height, data.train.width, data.train.channels};
    state_ = initialize(model_, options.seed, cpu_backend()).on(backend);
    std::vector<std::string> names;
    for (const Entry& entry : state_.entries())
      if (is_parameter(entry.role)) names.push_back(entry.name);
    optimizer_ = make_optimizer(options.optimizer, names, state_.parameters());
    step_ = std::make_unique<TrainingStep>(model_, state_, *optimizer_, options,
                                           ResidentImages(data.train, data.train.count, data.normalization, backend));
  }
  TrainingStep& step() { return *step_; }
  std::vector<std::vector<float>> parameters() const {
    std::vector<std::vector<float>> values;
    for (const Tensor& parameter : state_.parameters()) values.push_back(parameter.to_vector<float>());
    return values;
  }

 private:
  Model model_;
  State state_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> step_;
};

constexpr std::int64_t kSteps = 10;

// The mean loss of each of an epoch's steps.
std::vector<double> losses(Network& net, const StepStatus& first) {
  net.step().start_epoch(first);
  std::vector<double> result;
  double before = 0;
  for (std::int64_t batch = 0; batch < net.step().batches(); ++batch) {
    net.step().run(net.step().batch_images(batch));
    const StepStatus status = status_of(*net.step().start_report());
    result.push_back((status.sums[0] - before) / static_cast<double>(net.step().batch_images(batch)));
    before = status.sums[0];
  }
  const StepStatus last = net.step().settle();
  EXPECT_EQ(net.step().problem(last), "");
  EXPECT_EQ(last[StepCounter::updates], kSteps);
  return result;
}

void expect_cpu_losses(const TrainingOptions& options, double limit) {
  SCOPED_TRACE(options.model + " " + name_of(options.precision) + " " + name_of(options.optimizer.kind));
  const Dataset data = dataset(kSteps * options.batch, 3);
  StepStatus first;
  if (options.precision == Precision::fp16) first.loss_scale[0] = 256;  // no gradient overflows, no step is skipped
  Network on_device(options, data, device());
  TrainingOptions exact = options;
  exact.precision = Precision::fp32;
  Network on_cpu(exact, data, cpu_backend());
  const std::vector<double> found = losses(on_device, first), expected = losses(on_cpu, {});
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kSteps));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(std::abs(found[i] - expected[i]), limit * std::max(1.0, expected[i]))
        << "step " << i << ": " << found[i] << " on the device, " << expected[i] << " on the CPU";
}

// Limits are ten times and more what the losses of ten steps change by on the CPU if the initial weights do by 1e-6,
// or by the 2e-3 of bf16.
constexpr double kSingle = 5e-5, kHalf = 0.01;

TEST(GpuTraining, FollowsTheCpu) {
  for (const std::string& model : networks()) expect_cpu_losses(step_options(model), kSingle);
}

TEST(GpuTraining, FollowsTheCpuByAdam) {
  TrainingOptions options = step_options("resnet8");
  options.optimizer.kind = OptimizerKind::adamw;
  options.learning_rate = 1e-3;
  expect_cpu_losses(options, 1e-3);  // the first steps go by the gradient's sign, however small it is
}

TEST(GpuTraining, FollowsTheCpuInHalfPrecision) {
  for (const std::string& model : networks())
    for (const Precision precision : {Precision::bf16, Precision::fp16}) {
      TrainingOptions options = step_options(model);
      options.precision = precision;
      expect_cpu_losses(options, kHalf);
    }
}

TEST(GpuTraining, ScalesTheLossOfHalfPrecision) {
  TrainingOptions options = step_options("resnet8");
  options.precision = Precision::fp16;
  const Dataset data = dataset(4 * options.batch, 3);
  Network net(options, data, device());
  const auto before = net.parameters();
  StepStatus status;
  const float too_large = std::ldexp(1.f, 40);
  status.loss_scale[0] = too_large;
  net.step().start_epoch(status);
  for (int i = 0; i < 2; ++i) net.step().run(options.batch);
  status = net.step().settle();
  EXPECT_EQ(net.step().problem(status), "");
  EXPECT_EQ(status.loss_scale[0], too_large / 4);
  EXPECT_EQ(status[StepCounter::batches], 2);
  EXPECT_EQ(status[StepCounter::updates], 0);
  EXPECT_TRUE(net.parameters() == before);
  status.loss_scale[0] = 256;
  net.step().start_epoch(status);
  for (int i = 0; i < 2; ++i) net.step().run(options.batch);
  status = net.step().settle();
  EXPECT_EQ(status[StepCounter::updates], 2);
  EXPECT_EQ(status.loss_scale[0], 256);
  EXPECT_FALSE(net.parameters() == before);
}

// The host starts the steps of an epoch and waits for none of them.
TEST(GpuTraining, NoStepMakesTheHostWait) {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
    TrainingOptions options = step_options("resnet8");
    options.precision = precision;
    const Dataset data = dataset(5 * options.batch - 1, 3);  // the last batch is a smaller one
    Network net(options, data, device());
    net.step().start_epoch(first_status(precision));
    net.step().start_report();  // the first one makes the memory that all of them use
    const std::uint64_t before = host_waits();
    for (std::int64_t batch = 0; batch < net.step().batches(); ++batch) {
      net.step().run(net.step().batch_images(batch));
      const auto report = net.step().start_report();
    }
    EXPECT_EQ(host_waits() - before, 0u) << name_of(precision);
    EXPECT_EQ(net.step().settle()[StepCounter::batches], 5);
  }
}

// ---- whole runs, with their files

class GpuRun : public testing::TestWithParam<Precision> {
 protected:
  TrainingOptions options(const std::filesystem::path& out) const {
    TrainingOptions result = small_options(out);
    result.precision = GetParam();
    return result;
  }
  // Three batches an epoch, the last a smaller one.
  const Dataset data = dataset(22, 9);
};

// Stops when asked for the `count`th time.
TrainingObserver stop_at(int count) {
  TrainingObserver observer;
  observer.stop = [asked = std::make_shared<int>(0), count] { return ++*asked >= count; };
  return observer;
}

TEST_P(GpuRun, IsTheSameToTheBitAgain) {
  const TemporaryFolder folder;
  for (const char* name : {"first", "second"}) train(options(folder / name), data, {}, device());
  expect_equal_checkpoints(folder / "first", folder / "second");
}

TEST_P(GpuRun, IsTheSameToTheBitWhenInterrupted) {
  const TemporaryFolder folder;
  train(options(folder / "whole"), data, {}, device());
  for (const int count : small_shapes() ? std::vector{5} : std::vector{2, 4, 6, 7}) {
    const auto out = folder / ("stopped" + std::to_string(count));
    EXPECT_THROW(train(options(out), data, stop_at(count), device()), Interrupted);
    train(resume_options(out), data, {}, device());
    expect_equal_checkpoints(folder / "whole", out);
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, GpuRun, testing::Values(Precision::fp32, Precision::bf16, Precision::fp16),
                         [](const auto& test) { return name_of(test.param); });

TEST(GpuTraining, GoesOnWhereTheCpuWasInterrupted) {
  const TemporaryFolder folder;
  const Dataset data = dataset(22, 9);
  const TrainingResult whole = train(small_options(folder / "cpu"), data);
  EXPECT_THROW(train(small_options(folder / "moved"), data, stop_at(4)), Interrupted);
  const TrainingResult moved = train(resume_options(folder / "moved"), data, {}, device());
  ASSERT_EQ(moved.history.size(), whole.history.size());
  EXPECT_NEAR(moved.history.back().test_loss, whole.history.back().test_loss, 1e-3);
  EXPECT_EQ(moved.state.parameters().front().backend().name(), "cuda:0");
}

}  // namespace
}  // namespace basin::gpu
