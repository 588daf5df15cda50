// Training on the CUDA back end, emulated: as the CPU trains, the same twice, resumed, moved, in half precision, and
// without waiting. Images are 8 x 8 pixels where nothing else is said: the emulator takes 50 ns an access.
#include <cmath>
#include <limits>

#include "core/interrupt.h"
#include "cuda/cuda_backend.h"
#include "cuda/simt/stream.h"
#include "models/training/step_reports.h"
#include "models/training/training_step.h"
#include "tests/expect_error.h"
#include "tests/models/training/small_run.h"

namespace basin {
namespace {

Backend& gpu() { return cuda::cuda_backend(0); }

// A network that is trained step by step.
class Training {
 public:
  Training(const TrainingOptions& options, const Dataset& data, Backend& backend)
      : model_(find_model(options.model, 3)) {
    model_.image = {data.train.height, data.train.width, data.train.channels};
    state_ = initialize(model_, options.seed, cpu_backend()).on(backend);
    std::vector<std::string> names;
    for (const Entry& entry : state_.entries())
      if (is_parameter(entry.role)) names.push_back(entry.name);
    optimizer_ = make_optimizer(options.optimizer, names, state_.parameters());
    step_.emplace(model_, state_, *optimizer_, options,
                  ResidentImages(data.train, data.train.count, data.normalization, backend));
    status_ = first_status(options.precision);
  }

  // The next epoch, settled after each step.
  std::vector<double> losses() {
    begin();
    std::vector<double> result;
    for (std::int64_t batch = 0; batch < step_->batches(); ++batch) {
      const double before = status_.sums[0];
      step_->run(step_->batch_images(batch));
      status_ = step_->settle();
      result.push_back((status_.sums[0] - before) / static_cast<double>(step_->batch_images(batch)));
    }
    return result;
  }
  void begin() {
    status_[StepCounter::begin] = 0;
    status_.sums = {};
    step_->start_epoch(status_);
  }

  TrainingStep& step() { return *step_; }
  State& state() { return state_; }
  const StepStatus& status() const { return status_; }

 private:
  Model model_;
  State state_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<TrainingStep> step_;
  StepStatus status_;
};

Dataset first_images(std::int64_t count, std::int64_t extent) {
  Dataset data = small_dataset(extent);
  data.train = data.train.first(count);
  return data;
}

// Ten steps of one epoch; a learning rate at which rounding is not magnified beyond what is compared.
TrainingOptions ten_steps(const char* model) {
  TrainingOptions options = small_options({});
  options.model = model;
  options.epochs = 1;
  options.batch = 2;
  options.learning_rate = 0.01;
  options.schedule = ScheduleKind::constant;
  return options;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(a[i] - b[i]);
    if (!(difference <= result)) result = difference;  // a NaN too
  }
  return result;
}

TEST(CudaTraining, TenStepsOfResnet20FollowTheCpu) {
  const TrainingOptions options = ten_steps("resnet20");
  const Dataset data = first_images(20, 16);
  Training cpu(options, data, cpu_backend()), cuda(options, data, gpu());
  const std::vector<double> expected = cpu.losses(), found = cuda.losses();
  ASSERT_EQ(found.size(), 10u);
  EXPECT_GT(largest_difference(expected, std::vector<double>(10, expected[0])), 0.1);  // steps do something
  EXPECT_LE(largest_difference(found, expected), 1e-5);
  EXPECT_EQ(cuda.status().sums[1], cpu.status().sums[1]);
  EXPECT_EQ(cuda.state()["bn1.num_batches_tracked"].to_vector<std::int64_t>().front(), 10);
}

TEST(CudaTraining, AdamOnSquaredErrorsFollowsTheCpu) {
  TrainingOptions options = ten_steps("resnet8");
  options.optimizer.kind = OptimizerKind::adam;
  options.learning_rate = 1e-3;
  options.loss = Objective::squared_error;
  options.augment = false;
  const Dataset data = first_images(12, 8);
  const std::vector<double> expected = Training(options, data, cpu_backend()).losses();
  EXPECT_GT(largest_difference(expected, std::vector<double>(6, expected[0])), 0.005);
  EXPECT_LE(largest_difference(Training(options, data, gpu()).losses(), expected), 1e-6);
}

class CudaHalfTraining : public testing::TestWithParam<Precision> {};

// Weights, activations and gradients are rounded to 8 (bf16) or 11 (fp16) bits. Errors of single values average out:
// losses, of order 1, follow within one such rounding.
TEST_P(CudaHalfTraining, FollowsSinglePrecision) {
  TrainingOptions options = ten_steps("resnet8");
  const Dataset data = first_images(20, 8);
  Training single(options, data, gpu());
  options.precision = GetParam();
  Training half(options, data, gpu());
  const std::vector<double> expected = single.losses(), found = half.losses();
  const double unit = GetParam() == Precision::fp16 ? 0x1p-11 : 0x1p-8;
  EXPECT_LE(largest_difference(found, expected), unit);
  EXPECT_GT(largest_difference(found, expected), 0);
  EXPECT_EQ(half.status()[StepCounter::updates], 10);
  EXPECT_EQ(half.status().loss_scale[0], GetParam() == Precision::fp16 ? 65536.0f : 1.0f);
  for (const Entry& entry : half.state().entries()) {
    if (is_parameter(entry.role)) {
      EXPECT_EQ(entry.value.dtype(), DType::f32) << entry.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaHalfTraining, testing::Values(Precision::bf16, Precision::fp16),
                         [](const auto& row) { return name_of(row.param); });

// A scale that gives infinite gradients is halved, step by step, and those steps change nothing else.
TEST(CudaTraining, SkipsStepsWhoseGradientsOverflow) {
  TrainingOptions options = ten_steps("resnet8");
  options.precision = Precision::fp16;
  Training training(options, first_images(20, 8), gpu());
  StepStatus status = first_status(Precision::fp16);
  status.loss_scale[0] = 0x1p24;
  const std::vector<float> weight = training.state()["conv1.weight"].to_vector<float>();
  training.step().start_epoch(status);
  std::int64_t skipped = 0;
  for (std::int64_t batch = 0; batch < training.step().batches(); ++batch) {
    training.step().run(training.step().batch_images(batch));
    status = training.step().settle();
    if (status[StepCounter::updates] > 0) break;
    ++skipped;
    EXPECT_EQ(status.loss_scale[0], std::ldexp(1.0f, 24 - static_cast<int>(skipped)));
    EXPECT_EQ(status[StepCounter::batches], skipped);
    EXPECT_EQ(status.sums[2], 0);
    EXPECT_TRUE(training.state()["conv1.weight"].to_vector<float>() == weight);
    EXPECT_EQ(training.state()["bn1.num_batches_tracked"].to_vector<std::int64_t>().front(), 0);
  }
  EXPECT_GE(skipped, 1);
  EXPECT_EQ(status[StepCounter::updates], 1);
  EXPECT_EQ(status[StepCounter::problem], 0);
  EXPECT_FALSE(training.state()["conv1.weight"].to_vector<float>() == weight);
}

TEST(CudaTraining, TheHostWaitsForNoStep) {
  Training training(ten_steps("resnet8"), first_images(20, 8), gpu());
  training.begin();
  std::int64_t reported = 0;
  StepReports reports([&] { return training.step().start_report(); }, false,
                      [&](const StepStatus& status) { reported = status[StepCounter::batches]; });
  const std::uint64_t before = simt::host_waits();
  for (std::int64_t batch = 0; batch < training.step().batches(); ++batch) {
    training.step().run(training.step().batch_images(batch));
    reports.step_done();
  }
  EXPECT_EQ(simt::host_waits(), before);
  EXPECT_GE(reported, 1);
  training.step().settle();
  EXPECT_EQ(simt::host_waits(), before + 1);
}

// ---- whole runs: two epochs of three batches, the last of each a smaller one

TEST(CudaTraining, TwoRunsAreBitIdentical) {
  const TemporaryFolder folder;
  std::vector<std::uint64_t> waits;  // when asked, before each step and each batch of a test
  const TrainingObserver observer{.stop = [&] {
    waits.push_back(simt::host_waits());
    return false;
  }};
  for (const char* run : {"a", "b"}) train(small_options(folder / run), small_dataset(8), observer, gpu());
  expect_equal_checkpoints(folder / "a", folder / "b");
  EXPECT_EQ(resume_options(folder / "a").device, "cuda:0");
  ASSERT_EQ(waits.size(), 2u * 9);  // test, three steps, test, three steps, test
  for (const std::size_t first_step : {1, 5, 10, 14}) {
    EXPECT_EQ(waits[first_step + 2], waits[first_step]);
    EXPECT_GT(waits[first_step + 3], waits[first_step + 2]);
  }
}

class CudaResume : public testing::TestWithParam<Precision> {};

TEST_P(CudaResume, InterruptedAndResumedIsBitIdentical) {
  const TemporaryFolder folder;
  const Dataset data = small_dataset(8);
  TrainingOptions options = small_options(folder / "whole");
  options.precision = GetParam();
  train(options, data, {}, gpu());
  options.out = folder / "parts";
  for (int part = 0; part < 2; ++part) {
    // Asked before each step and batch of a test: within the first epoch, then within the second.
    TrainingObserver observer;
    observer.stop = [calls = 0]() mutable { return ++calls > 3; };
    EXPECT_THROW(train(part == 0 ? options : resume_options(options.out), data, observer, gpu()), Interrupted);
  }
  train(resume_options(options.out), data, {}, gpu());
  expect_equal_checkpoints(folder / "whole", options.out);
}

INSTANTIATE_TEST_SUITE_P(Types, CudaResume, testing::Values(Precision::fp32, Precision::fp16),
                         [](const auto& row) { return name_of(row.param); });

// An epoch on each: the CPU's, CUDA's, and the last of the CPU again.
TEST(CudaTraining, ARunMovesBetweenCpuAndCuda) {
  const TemporaryFolder folder;
  const Dataset data = small_dataset(8);
  TrainingOptions options = small_options(folder / "cpu");
  options.epochs = 3;
  options.learning_rate = 0.01;
  const TrainingResult expected = train(options, data);
  options.out = folder / "moved";
  const auto stop_after_epoch = [] {
    TrainingObserver observer;
    const auto done = std::make_shared<bool>(false);
    observer.epoch = [done](const EpochMetrics& metrics) { *done = metrics.epoch > 0; };
    observer.stop = [done] { return *done; };
    return observer;
  };
  EXPECT_THROW(train(options, data, stop_after_epoch()), Interrupted);
  EXPECT_THROW(train(resume_options(options.out), data, stop_after_epoch(), gpu()), Interrupted);
  const TrainingResult moved = train(resume_options(options.out), data);
  ASSERT_EQ(moved.history.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_LE(std::fabs(moved.history[i].test_loss - expected.history[i].test_loss), 1e-4) << i;
  EXPECT_EQ(moved.history[1].test_loss, expected.history[1].test_loss);
  EXPECT_LE(std::fabs(moved.history[3].parameter_norm - expected.history[3].parameter_norm), 1e-4);
}

TEST(CudaTraining, NotFiniteLossStopsBeforeTheStep) {
  const TemporaryFolder folder;
  const Dataset data = small_dataset(8);
  TrainingOptions options = small_options(folder / "bad");
  options.learning_rate = 1e38;
  options.optimizer.nesterov = false;
  expect_error([&] { train(options, data, {}, gpu()); },
               {"epoch 1", "batch 2 of 3", "last.safetensors", "the loss is NaN"});
  options.out = folder / "good";
  TrainingObserver observer;
  observer.stop = [calls = 0]() mutable { return ++calls > 2; };  // the test before training, the first step
  EXPECT_THROW(train(options, data, observer, gpu()), Interrupted);
  const auto last = [](const auto& run) { return read_file(run / "checkpoints" / "last.safetensors"); };
  EXPECT_TRUE(last(folder / "bad") == last(folder / "good"));
}

}  // namespace
}  // namespace basin
