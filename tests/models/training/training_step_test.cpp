#include "models/training/training_step.h"

#include "core/backend.h"
#include "core/cpu/compute.h"
#include "data/preprocess.h"
#include "models/training/evaluation.h"
#include "tests/expect_error.h"
#include "tests/models/training/small_run.h"

namespace basin {
namespace {

struct Network {
  Model model;
  State state;
  std::unique_ptr<Optimizer> optimizer;
};

Network make_network(const TrainingOptions& options) {
  Network net{.model = find_model(options.model, 3), .state = {}, .optimizer = nullptr};
  net.state = initialize(net.model, options.seed, cpu_backend());
  std::vector<std::string> names;
  for (const Entry& entry : net.state.entries())
    if (is_parameter(entry.role)) names.push_back(entry.name);
  net.optimizer = make_optimizer(options.optimizer, names, net.state.parameters());
  return net;
}

std::int64_t wrong_of(const Tensor& logits, const std::vector<std::int32_t>& labels) {
  const std::vector<float> values = logits.to_vector<float>();
  const std::size_t classes = static_cast<std::size_t>(logits.dim(1));
  std::int64_t wrong = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = values.begin() + static_cast<std::ptrdiff_t>(n * classes);
    wrong += std::max_element(row, row + static_cast<std::ptrdiff_t>(classes)) - row != labels[n];
  }
  return wrong;
}

// One epoch as a loop over the host's images with Optimizer::step; adds to the sums.
void plain_epoch(Network& net, const TrainingOptions& options, const Dataset& data, std::int64_t epoch,
                 StepStatus& status) {
  const std::int64_t batches = (data.train.count + options.batch - 1) / options.batch;
  const Schedule schedule = make_schedule(options, batches);
  const auto order = shuffled(data.train.count, options.seed, epoch);
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const std::int64_t begin = batch * options.batch, size = std::min(options.batch, data.train.count - begin);
    const auto indices = std::span(order).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    std::vector<float> pixels(static_cast<std::size_t>(size * data.train.image_size()));
    if (options.augment)
      augment(data.train, data.normalization, {}, options.seed, epoch, indices, pixels.data());
    else
      normalize(data.train, data.normalization, indices, pixels.data());
    std::vector<std::int32_t> labels;
    for (const std::int64_t index : indices) labels.push_back(data.train.labels[static_cast<std::size_t>(index)]);
    Tensors gradients;
    {
      const Tensor x = Tensor::from({size, 32, 32, 3}, pixels, cpu_backend());
      const Tensor logits = forward(net.model, net.state, x, Mode::train);
      const Tensor losses =
          image_losses(logits, Tensor::from({size}, labels, cpu_backend()), options.loss, options.label_smoothing);
      gradients = gradient(mean(losses), net.state.parameters());
      double loss = 0;
      for (const float value : losses.to_vector<float>()) loss += static_cast<double>(value);
      status.sums[0] += loss;
      status.sums[1] += static_cast<double>(wrong_of(logits, labels));
      status.sums[2] += static_cast<double>(size);
    }
    net.optimizer->step(gradients, schedule.learning_rate(epoch * batches + batch));
  }
}

void expect_equal(const Network& a, const Network& b) {
  for (std::size_t i = 0; i < a.state.entries().size(); ++i) {
    const Entry &x = a.state.entries()[i], &y = b.state.entries()[i];
    if (x.role == Role::batches_tracked)
      EXPECT_EQ(x.value.to_vector<std::int64_t>(), y.value.to_vector<std::int64_t>()) << x.name;
    else
      EXPECT_TRUE(x.value.to_vector<float>() == y.value.to_vector<float>()) << x.name;
  }
  EXPECT_EQ(a.optimizer->steps(), b.optimizer->steps());
  for (std::size_t i = 0; i < a.optimizer->slots().size(); ++i)
    EXPECT_TRUE(a.optimizer->slots()[i].value.to_vector<float>() == b.optimizer->slots()[i].value.to_vector<float>())
        << a.optimizer->slots()[i].name;
}

void expect_plain_loop(const TrainingOptions& options) {
  const Dataset data = small_dataset();
  Network net = make_network(options), plain = make_network(options);
  TrainingStep step(net.model, net.state, *net.optimizer, options,
                    ResidentImages(data.train, data.train.count, data.normalization, cpu_backend()));
  ASSERT_EQ(step.batches(), 3);
  StepStatus status;
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    StepStatus expected;
    plain_epoch(plain, options, data, epoch, expected);
    status[StepCounter::epoch] = epoch;
    status[StepCounter::begin] = 0;
    status.sums = {};
    step.start_epoch(status);
    for (std::int64_t batch = 0; batch < step.batches(); ++batch) step.run(step.batch_images(batch));
    status = step.settle();
    EXPECT_EQ(status.sums, expected.sums);
    EXPECT_EQ(status[StepCounter::batches], 3 * (epoch + 1));
    EXPECT_EQ(status[StepCounter::updates], 3 * (epoch + 1));
    EXPECT_EQ(step.problem(status), "");
    expect_equal(net, plain);
  }
}

TEST(TrainingStep, IsThePlainLoopBitForBit) { expect_plain_loop(small_options({})); }

TEST(TrainingStep, IsThePlainLoopForAdamWithoutAugmentation) {
  TrainingOptions options = small_options({});
  options.optimizer.kind = OptimizerKind::adamw;
  options.learning_rate = 1e-3;
  options.augment = false;
  options.label_smoothing = 0.1;
  expect_plain_loop(options);
}

TEST(TrainingStep, IsThePlainLoopForSquaredErrors) {
  TrainingOptions options = small_options({});
  options.loss = Objective::squared_error;
  options.schedule = ScheduleKind::cosine;
  expect_plain_loop(options);
}

TEST(TrainingStep, GoesOnInTheMiddleOfAnEpoch) {
  const TrainingOptions options = small_options({});
  const Dataset data = small_dataset();
  const ResidentImages images(data.train, data.train.count, data.normalization, cpu_backend());
  Network whole = make_network(options), parts = make_network(options);
  TrainingStep at_once(whole.model, whole.state, *whole.optimizer, options, images);
  at_once.start_epoch({});
  for (std::int64_t batch = 0; batch < 3; ++batch) at_once.run(at_once.batch_images(batch));
  const StepStatus expected = at_once.settle();
  StepStatus status;
  for (std::int64_t batch = 0; batch < 3; ++batch) {
    TrainingStep step(parts.model, parts.state, *parts.optimizer, options, images);
    step.start_epoch(status);
    step.run(step.batch_images(batch));
    status = step.settle();
  }
  EXPECT_EQ(status.counters, expected.counters);
  EXPECT_EQ(status.sums, expected.sums);
  expect_equal(whole, parts);
}

// Nothing changes, however often a step is run after the bad one, and the state says what it said before it.
TEST(TrainingStep, ABadStepChangesNothing) {
  const TrainingOptions options = small_options({});
  const Dataset data = small_dataset();
  Network net = make_network(options);
  TrainingStep step(net.model, net.state, *net.optimizer, options,
                    ResidentImages(data.train, data.train.count, data.normalization, cpu_backend()));
  step.start_epoch({});
  step.run(step.batch_images(0));
  const StepStatus before = step.settle();
  const Tensor bias = net.state["linear.bias"];
  bias.mutable_view().as<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  Network kept{.model = net.model, .state = net.state.clone(), .optimizer = nullptr};
  step.run(step.batch_images(1));
  step.run(step.batch_images(2));
  const StepStatus after = step.settle();
  EXPECT_EQ(after[StepCounter::batches], 1);
  EXPECT_EQ(after[StepCounter::updates], 1);
  EXPECT_EQ(after[StepCounter::begin], 8);
  EXPECT_EQ(after.sums, before.sums);
  EXPECT_EQ(step.problem(after), "the loss is NaN");
  for (const Entry& entry : net.state.entries()) {
    if (entry.role == Role::batches_tracked || entry.name == "linear.bias") continue;
    EXPECT_TRUE(entry.value.to_vector<float>() == kept.state[entry.name].to_vector<float>()) << entry.name;
  }
  EXPECT_EQ(net.state["bn1.num_batches_tracked"].to_vector<std::int64_t>().front(), 1);
}

TEST(TrainingStep, TestsAsTheHostDoes) {
  const TrainingOptions options = small_options({});
  const Dataset data = small_dataset();
  Network net = make_network(options);
  EvaluationPass pass(net.model, net.state, ResidentImages(data.test, 9, data.normalization, cpu_backend()),
                      options.loss);
  std::vector<float> pixels(static_cast<std::size_t>(9 * data.test.image_size()));
  normalize(data.test, data.normalization, 0, 9, pixels.data());
  const Recording off(false);
  const Tensor x = Tensor::from({9, 32, 32, 3}, pixels, cpu_backend());
  const Tensor logits = forward(net.model, net.state, x, Mode::evaluate);
  double loss = 0;
  for (const float value :
       image_losses(logits, Tensor::from({9}, data.test.labels, cpu_backend()), options.loss, 0).to_vector<float>())
    loss += static_cast<double>(value);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto found = pass.run();
    EXPECT_EQ(found->loss, loss / 9);
    EXPECT_EQ(found->error, 100 * static_cast<double>(wrong_of(logits, data.test.labels)) / 9);
  }
  EXPECT_FALSE(pass.run([] { return true; }).has_value());
}

TEST(TrainingStep, ARunOfTooManyStepsIsRefused) {
  const TemporaryFolder folder;
  TrainingOptions options = small_options(folder / "run");
  options.epochs = std::int64_t{1} << 60;
  expect_error([&] { train(options, small_dataset()); }, {"--epochs", "134217728 steps", "epochs of 3"});
  EXPECT_FALSE(std::filesystem::exists(options.out));
}

TEST(TrainingStep, SaysWhereAPrecisionIsNotComputed) {
  EXPECT_EQ(activation_dtype(Precision::fp32, cpu_backend()), DType::f32);
  if (bf16_supported()) {
    EXPECT_EQ(activation_dtype(Precision::bf16, cpu_backend()), DType::f32);
  }
  expect_error([] { activation_dtype(Precision::fp16, cpu_backend()); }, {"--precision fp16", "cpu", "--device cuda"});
  TrainingOptions options = small_options({});
  options.precision = Precision::fp16;
  expect_error([&] { train(options, small_dataset()); }, {"--precision fp16", "cpu", "--device cuda"});
}

}  // namespace
}  // namespace basin
