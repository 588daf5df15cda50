#include "models/training/options.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/expect_error.h"

namespace basin {
namespace {

TEST(TrainingOptions, DefaultsAreTheRecipe) {
  const TrainingOptions options;
  const Schedule schedule = make_schedule(options, 391);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(150 * 391 - 1), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(150 * 391), 0.01);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(225 * 391), 0.001);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(275 * 391), 0.0001);
}

TEST(TrainingOptions, MilestonesFollowTheLengthUnlessGiven) {
  TrainingOptions options;
  options.epochs = 12;
  EXPECT_EQ(milestones(options), (std::vector<double>{6, 9, 11}));
  options.milestones = {1, 2};
  EXPECT_EQ(make_schedule(options, 10).milestones, (std::vector<std::int64_t>{10, 20}));
}

TEST(TrainingOptions, LearningRateOfTheRecipe) {
  TrainingOptions options;
  EXPECT_EQ(recipe_learning_rate(options), 0.1);
  options.model = "resnet110-noshort";
  EXPECT_EQ(recipe_learning_rate(options), 0.01);
  options.optimizer.kind = OptimizerKind::adam;
  EXPECT_EQ(recipe_learning_rate(options), 1e-3);
}

TEST(TrainingOptions, JsonHoldsEverything) {
  TrainingOptions options;
  options.model = "vgg9";
  options.epochs = 7;
  options.optimizer = {
      .kind = OptimizerKind::adamw, .momentum = 0.5, .nesterov = false, .weight_decay = 0.1, .beta1 = 0.8};
  options.learning_rate = 0.3;
  options.schedule = ScheduleKind::cosine;
  options.warmup = 1.5;
  options.loss = Objective::squared_error;
  options.augment = false;
  options.train_images = 11;
  options.seed = 18446744073709551615u;
  options.precision = Precision::fp16;
  options.device = "cuda:1";
  options.data = "somewhere";
  options.threads = 2;
  const auto json = to_json(options);
  EXPECT_EQ(to_json(training_options(json, "config.json")), json);
  EXPECT_EQ(training_options(json, "config.json").seed, options.seed);
}

TEST(TrainingOptions, BadFieldsAreNamed) {
  auto json = to_json({});
  json["batch"] = "many";
  expect_error([&] { training_options(json, "config.json"); }, {"config.json", "batch", "integer", "\"many\""});
  json = to_json({});
  json["optimizer"] = "newton";
  expect_error([&] { training_options(json, "config.json"); }, {"config.json", "optimizer", "adamw", "newton"});
  json.erase("optimizer");
  expect_error([&] { training_options(json, "config.json"); }, {"config.json", "optimizer", "missing"});
  expect_error([&] { training_options(nlohmann::ordered_json(3), "config.json"); }, {"config.json", "object"});
}

TEST(TrainingOptions, NonsenseIsRefused) {
  const auto refused = [](auto change, const char* flag) {
    TrainingOptions options;
    change(options);
    expect_error([&] { validate(options); }, {flag});
  };
  refused([](TrainingOptions& o) { o.batch = 0; }, "--batch");
  refused([](TrainingOptions& o) { o.epochs = -1; }, "--epochs");
  refused([](TrainingOptions& o) { o.learning_rate = std::nan(""); }, "--lr");
  refused([](TrainingOptions& o) { o.optimizer.momentum = std::nan(""); }, "--momentum");
  refused([](TrainingOptions& o) { o.optimizer.momentum = 1; }, "--momentum");
  refused([](TrainingOptions& o) { o.milestones = {3, 2}; }, "--milestones");
  refused([](TrainingOptions& o) { o.warmup = 301; }, "--warmup");
  refused([](TrainingOptions& o) { o.test_every = 0; }, "--test-every");
}

}  // namespace
}  // namespace basin
