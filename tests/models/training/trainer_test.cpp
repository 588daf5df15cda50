#include "models/training/trainer.h"

#include <cmath>
#include <fstream>

#include "core/backend.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/models/training/small_run.h"

namespace basin {
namespace {

TEST(Trainer, ReportsEveryEpochAndLearns) {
  TrainingOptions options = small_options({});
  options.epochs = 6;
  options.learning_rate = 0.02;
  std::int64_t steps = 0;
  const TrainingResult result = train(options, small_dataset(), {.step = [&](const auto&) { ++steps; }});
  EXPECT_EQ(steps, 18);
  ASSERT_EQ(result.history.size(), 7u);
  EXPECT_TRUE(std::isnan(result.history[0].train_loss));
  EXPECT_NEAR(result.history[0].test_loss, std::log(3.0), 0.05);  // the classifier starts near zero
  EXPECT_LT(result.history[6].train_loss, result.history[1].train_loss);
  for (const EpochMetrics& line : result.history) EXPECT_GT(line.parameter_norm, 0);
  EXPECT_TRUE(result.last.empty());
}

// At every step of the run, the first and the last of an epoch included.
TEST(Trainer, InterruptedAndResumedIsBitIdentical) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  train(small_options(folder / "whole"), dataset);
  for (int stop = 0; stop < 6; ++stop) {
    const auto out = folder / ("stopped" + std::to_string(stop));
    EXPECT_THROW(train(small_options(out), dataset, stop_after(stop)), Interrupted);
    const TrainingResult resumed = train(resume_options(out), dataset);
    expect_equal_checkpoints(folder / "whole", out);
    const auto expected = read_metrics(folder / "whole" / "metrics.jsonl");
    ASSERT_EQ(resumed.history.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(resumed.history[i].epoch, expected[i].epoch);
      EXPECT_EQ(resumed.history[i].test_loss, expected[i].test_loss);
      // Before training there is none: NaN.
      EXPECT_TRUE(i == 0 || resumed.history[i].train_loss == expected[i].train_loss) << i;
    }
  }
}

// Each part is one step long; the sixth and last step ends in the test of its epoch, which is stopped too.
TEST(Trainer, ManyInterruptionsChangeNothing) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adamw}) {
    const TemporaryFolder folder;
    const Dataset dataset = small_dataset();
    TrainingOptions options = small_options(folder / "whole");
    options.optimizer.kind = kind;
    train(options, dataset);
    options.out = folder / "parts";
    EXPECT_THROW(train(options, dataset, stop_after(1)), Interrupted);
    for (int part = 2; part <= 6; ++part)
      EXPECT_THROW(train(resume_options(options.out), dataset, stop_after(1)), Interrupted) << part;
    train(resume_options(options.out), dataset);
    expect_equal_checkpoints(folder / "whole", options.out);
  }
}

TEST(Trainer, ThreadsDoNotChangeTheResult) {
  const TemporaryFolder folder;
  const int before = thread_count();
  for (const int threads : {1, 3}) {
    TrainingOptions options = small_options(folder / std::to_string(threads));
    options.threads = threads;
    train(options, small_dataset());
  }
  set_thread_count(before);
  expect_equal_checkpoints(folder / "1", folder / "3");
}

// What a crash leaves: metrics, best and epoch files newer than last.safetensors, or the optimizer of a later step.
TEST(Trainer, ResumesAfterACrashBetweenFiles) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  const auto whole = folder / "whole", crashed = folder / "crashed";
  train(small_options(whole), dataset);
  EXPECT_THROW(train(small_options(crashed), dataset, stop_after(4)), Interrupted);
  const auto optimizer = [](const auto& run) { return run / "checkpoints" / "last.optimizer.safetensors"; };
  std::filesystem::rename(optimizer(crashed), crashed / "checkpoints" / "last.optimizer.previous.safetensors");
  std::filesystem::copy_file(optimizer(whole), optimizer(crashed));
  std::filesystem::copy_file(whole / "metrics.jsonl", crashed / "metrics.jsonl",
                             std::filesystem::copy_options::overwrite_existing);
  train(resume_options(crashed), dataset);
  expect_equal_checkpoints(whole, crashed);
  EXPECT_EQ(read_metrics(crashed / "metrics.jsonl").size(), 3u);
}

TEST(Trainer, NotFiniteLossStopsBeforeTheStep) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  // The second step of a huge learning rate overflows; the state after the first is what must be kept.
  TrainingOptions options = small_options(folder / "bad");
  options.learning_rate = 1e38;
  options.optimizer.nesterov = false;
  expect_error([&] { train(options, dataset); }, {"epoch 1", "batch 2 of 3", "last.safetensors", "the loss is NaN"});
  options.out = folder / "good";
  EXPECT_THROW(train(options, dataset, stop_after(1)), Interrupted);
  const auto last = [](const auto& run) { return read_file(run / "checkpoints" / "last.safetensors"); };
  EXPECT_TRUE(last(folder / "bad") == last(folder / "good"));
}

TEST(Trainer, FullDiskKeepsTheOldCheckpoint) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  const auto out = folder / "run", last = out / "checkpoints" / "last.safetensors";
  EXPECT_THROW(train(small_options(out), dataset, stop_after(2)), Interrupted);
  const std::string before = read_file(last);
  {
    const FailingDisk disk(64 * 1024);  // metrics still fit, checkpoints do not
    expect_error([&] { train(resume_options(out), dataset); }, {"cannot write", ".safetensors"});
  }
  EXPECT_TRUE(read_file(last) == before);
  train(resume_options(out), dataset);
  train(small_options(folder / "whole"), dataset);
  expect_equal_checkpoints(folder / "whole", out);
}

TEST(Trainer, KeepsWhatAFolderHolds) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  const auto out = folder / "run";
  std::filesystem::create_directory(out);
  write_file(out / "notes.txt", "mine");
  TrainingOptions options = small_options(out);
  options.epochs = 0;
  expect_error([&] { train(options, dataset); }, {"not empty", "--resume", "--force"});
  options.overwrite = true;
  train(options, dataset);
  EXPECT_EQ(read_file(out / "notes.txt"), "mine");
  expect_error([&] { resume_options(folder / "nowhere"); }, {"holds no run", "config.json"});
}

TEST(Trainer, AConfigurationCannotChangeOnResume) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  EXPECT_THROW(train(small_options(folder / "run"), dataset, stop_after(1)), Interrupted);
  TrainingOptions options = resume_options(folder / "run");
  options.learning_rate = 0.5;
  expect_error([&] { train(options, dataset); }, {"last.safetensors", "configuration", "config.json"});
  Dataset other = dataset;
  other.name = "other";
  expect_error([&] { train(resume_options(folder / "run"), other); }, {"small", "other"});
}

TEST(Trainer, StartsFromACheckpoint) {
  const TemporaryFolder folder;
  const Dataset dataset = small_dataset();
  const TrainingResult first = train(small_options(folder / "first"), dataset);
  TrainingOptions options = small_options({});
  options.epochs = 0;
  options.model.clear();
  options.init = first.last;
  const TrainingResult second = train(options, dataset);
  EXPECT_EQ(second.model.name, "resnet8");
  EXPECT_EQ(second.history[0].test_loss, first.history.back().test_loss);
  options.model = "resnet14";
  expect_error([&] { train(options, dataset); }, {"last.safetensors", "missing", "resnet14"});
}

TEST(Trainer, SubsetsAndLossesAreChecked) {
  TrainingOptions options = small_options({});
  options.train_images = 23;
  expect_error([&] { train(options, small_dataset()); }, {"--train-images", "22", "23"});
  options = small_options({});
  options.loss = Objective::squared_error;
  options.epochs = 1;
  options.train_images = 16;
  EXPECT_LT(train(options, small_dataset()).history[1].train_loss, 1);  // at most 2 / 3
  options.label_smoothing = 0.1;
  expect_error([&] { train(options, small_dataset()); }, {"--label-smoothing", "cross-entropy"});
}

}  // namespace
}  // namespace basin
