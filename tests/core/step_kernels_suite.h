// What every back end's kernels of training steps must do, against plain code. A test program instantiates the suite
// with a StepDevice.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/core/step_device.h"

namespace basin {

template <class Device>
class StepKernelsTest : public ::testing::Test {
 protected:
  // Parameters, momenta and gradients of these sizes, in eighths; the data of the odd ones are not aligned.
  std::vector<ParameterUpdate> parameters(const std::vector<std::int64_t>& sizes) {
    std::vector<ParameterUpdate> updates;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const Shape shape{sizes[i]};
      const std::int64_t offset = static_cast<std::int64_t>(i % 2);
      const auto drawn = [&](std::uint64_t kind) {
        return device.template array<float>(shape, eighths(sizes[i], 3 * i + kind), offset);
      };
      updates.push_back({.parameter = drawn(0), .first = drawn(1), .second = {}, .gradient = drawn(2)});
    }
    return updates;
  }
  void spoil(const ConstView& x, std::int64_t place, float value) {
    device.write(const_cast<float*>(x.as<float>()) + place, &value, sizeof value);
  }
  View losses() { return device.template array<float>({5}, {1, 2, 3, 4, 5}); }

  Device device;
  StepKernels& kernels = device.kernels();
};
TYPED_TEST_SUITE_P(StepKernelsTest);

inline constexpr float kNotFinite[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                                       -std::numeric_limits<float>::infinity()};

TYPED_TEST_P(StepKernelsTest, FiniteStepsAreTaken) {
  StepNumbers start;
  start[StepCounter::skip] = 1;  // of the step before
  const StepRun run(this->device, start);
  auto updates = this->parameters({7, 33, 2});
  const float largest = std::numeric_limits<float>::max();
  this->spoil(updates[1].gradient, 3, largest);
  this->spoil(updates[1].gradient, 4, -largest);
  this->kernels.check_finite(this->losses(), updates, {}, run.state());
  EXPECT_EQ(run.read(), StepNumbers{});
}

TYPED_TEST_P(StepKernelsTest, TheFirstThatIsNotFiniteIsNamed) {
  const auto problem_of = [&](std::vector<std::array<std::int64_t, 2>> places, float value) {
    StepRun run(this->device);
    const View losses = this->losses();
    const auto updates = this->parameters({7, 33, 2});
    for (const auto& [tensor, place] : places)
      this->spoil(tensor < 0 ? ConstView(losses) : updates[tensor].gradient, place, value);
    this->kernels.check_finite(losses, updates, {}, run.state());
    EXPECT_EQ(run.read()[StepCounter::skip], 1);
    return run.read()[StepCounter::problem];
  };
  for (const float value : kNotFinite) {
    for (const std::int64_t place : {0, 4}) EXPECT_EQ(problem_of({{-1, place}}, value), 1) << place;
    for (const std::int64_t place : {0, 6}) EXPECT_EQ(problem_of({{0, place}}, value), 2) << place;
    for (const std::int64_t place : {0, 17, 31, 32}) EXPECT_EQ(problem_of({{1, place}}, value), 3) << place;
    for (const std::int64_t place : {0, 1}) EXPECT_EQ(problem_of({{2, place}}, value), 4) << place;
    EXPECT_EQ(problem_of({{2, 0}, {1, 1}}, value), 3);
    EXPECT_EQ(problem_of({{2, 1}, {-1, 2}}, value), 1);
  }
}

TYPED_TEST_P(StepKernelsTest, AfterAProblemNothingChanges) {
  StepNumbers start{.counters = {1, 1, 0, 5, 0, 0}, .sums = {1, 2, 3}, .loss_scale = {4, 7}};
  StepRun run(this->device, start);
  const auto updates = this->parameters({9});
  const std::vector<float> parameter = this->device.template values<float>(updates[0].parameter);
  const View statistic = this->device.template array<float>({2}, {1, 2});
  const View losses = this->losses(), logits = this->device.template array<float>({5, 1}, {1, 2, 3, 4, 5});
  const View labels = this->device.template array<std::int32_t>({5}, {0, 0, 0, 0, 0});
  const Assignment assignment{this->device.template array<float>({2}, {3, 4}), statistic};
  for (int step = 0; step < 2; ++step) {
    this->spoil(updates[0].gradient, 8, step == 0 ? kNotFinite[0] : 1);  // the second one is in order
    this->kernels.check_finite(losses, updates, {}, run.state());
    this->kernels.add_to_sums(losses, logits, labels, run.state());
    this->kernels.update({}, updates, run.state());
    this->kernels.commit({&assignment, 1}, run.state());
    this->kernels.finish_step(5, run.state());
    StepNumbers expected = start;
    expected[StepCounter::skip] = 1;
    expected[StepCounter::problem] = 2;
    EXPECT_EQ(run.read(), expected);
    EXPECT_EQ(this->device.template values<float>(updates[0].parameter), parameter);
    EXPECT_EQ(this->device.template values<float>(statistic), (std::vector<float>{1, 2}));
  }
}

TYPED_TEST_P(StepKernelsTest, TheLossScaleFallsAndGrows) {
  const LossScaling scaling{.enabled = true, .growth_steps = 3, .smallest = 1};
  StepNumbers start;
  start.loss_scale = {8, 0};
  StepRun run(this->device, start);
  const auto updates = this->parameters({5});
  const float good = this->device.template values<float>(updates[0].gradient)[2];
  struct Step {
    bool finite;
    std::array<float, 2> loss_scale;  // after the step
    std::int64_t updates;
  };
  const Step steps[] = {{true, {8, 1}, 1},  {true, {8, 2}, 2},  {false, {4, 0}, 2}, {true, {4, 1}, 3},
                        {true, {4, 2}, 4},  {true, {8, 0}, 5},  {true, {8, 1}, 6},  {false, {4, 0}, 6},
                        {false, {2, 0}, 6}, {false, {1, 0}, 6}, {true, {1, 1}, 7}};
  std::int64_t batches = 0;
  for (const Step& step : steps) {
    this->spoil(updates[0].gradient, 2, step.finite ? good : kNotFinite[1]);
    this->kernels.check_finite(this->losses(), updates, scaling, run.state());
    EXPECT_EQ(run.read()[StepCounter::skip], step.finite ? 0 : 1);
    this->kernels.finish_step(5, run.state());
    StepNumbers found = run.read();
    EXPECT_EQ(found.loss_scale, step.loss_scale) << "step " << batches;
    EXPECT_EQ(found[StepCounter::batches], ++batches);
    EXPECT_EQ(found[StepCounter::updates], step.updates);
    EXPECT_EQ(found[StepCounter::begin], 5 * batches);
    EXPECT_EQ(found[StepCounter::problem], 0);
  }
  this->spoil(updates[0].gradient, 2, kNotFinite[0]);  // not even the smallest scale helps
  this->kernels.check_finite(this->losses(), updates, scaling, run.state());
  EXPECT_EQ(run.read()[StepCounter::problem], 2);
  EXPECT_EQ(run.read().loss_scale, (std::array<float, 2>{1, 1}));
}

TYPED_TEST_P(StepKernelsTest, TheLossScaleStaysInItsRange) {
  const float huge = 0x1p127f;
  StepNumbers start;
  start.loss_scale = {huge, 0};
  StepRun run(this->device, start);
  const auto updates = this->parameters({5});
  this->kernels.check_finite(this->losses(), updates, {.enabled = true, .growth_steps = 1}, run.state());
  this->kernels.finish_step(5, run.state());
  EXPECT_EQ(run.read().loss_scale, (std::array<float, 2>{huge, 0}));
  start.loss_scale = {3, 0};
  run.write(start);
  this->spoil(updates[0].gradient, 2, kNotFinite[2]);
  this->kernels.check_finite(this->losses(), updates, {.enabled = true, .smallest = 2}, run.state());
  EXPECT_EQ(run.read().loss_scale, (std::array<float, 2>{2, 0}));
}

// Gradients of a step are of the scale that its loss was multiplied by, though the scale grows in that step.
TYPED_TEST_P(StepKernelsTest, AGrowingScaleIsTheNextSteps) {
  StepNumbers start;
  start.loss_scale = {4, 0};
  StepRun run(this->device, start);
  const auto updates = this->parameters({5});
  const auto p = this->device.template values<float>(updates[0].parameter);
  const auto g = this->device.template values<float>(updates[0].gradient);
  this->kernels.check_finite(this->losses(), updates, {.enabled = true, .growth_steps = 1}, run.state());
  this->kernels.update({.momentum = 0, .nesterov = false, .weight_decay = 0}, updates, run.state());
  this->kernels.finish_step(5, run.state());
  EXPECT_EQ(run.read().loss_scale, (std::array<float, 2>{8, 0}));
  const auto found = this->device.template values<float>(updates[0].parameter);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], p[i] - 0.5f * (g[i] / 4)) << i;
}

TYPED_TEST_P(StepKernelsTest, SumsCountWhatIsWrong) {
  constexpr float kNan = kNotFinite[0], kInfinity = kNotFinite[1];
  struct Row {
    std::array<float, 3> logits;
    std::int32_t label;
    bool wrong;
  };
  const Row rows[] = {{{1, 2, 3}, 2, false},        {{1, 2, 3}, 1, true},           {{3, 2, 1}, 0, false},
                      {{2, 2, 1}, 0, false},        {{2, 2, 1}, 1, true},           {{1, 2, 2}, 1, false},
                      {{1, 2, 2}, 2, true},         {{0, 0, 0}, 0, false},          {{kNan, 1, 2}, 2, true},
                      {{1, kNan, 2}, 2, true},      {{2, 1, kNan}, 0, true},        {{1, kNan, 0}, 1, true},
                      {{1, 2, kNan}, 2, true},      {{-kInfinity, 0, 1}, 2, false}, {{0, kInfinity, 1}, 1, false},
                      {{0, kInfinity, 1}, 2, true}, {{1, 2, 3}, 3, true},           {{1, 2, 3}, -1, true}};
  for (const Row& row : rows) {
    const StepRun run(this->device);
    this->kernels.add_to_sums(this->device.template array<float>({1}, {0.5}),
                              this->device.template array<float>({1, 3}, {row.logits.begin(), row.logits.end()}),
                              this->device.template array<std::int32_t>({1}, {row.label}), run.state());
    EXPECT_EQ(run.read().sums, (std::array<double, 3>{0.5, row.wrong ? 1.0 : 0.0, 1}))
        << ::testing::PrintToString(row.logits) << " with label " << row.label;
  }
}

TYPED_TEST_P(StepKernelsTest, SumsGoOnFromBatchToBatch) {
  StepRun run(this->device);
  std::array<double, 3> expected{};
  std::uint64_t stream = 0;
  for (const std::int64_t rows : {1, 31, 300})
    for (const std::int64_t classes : {1, 2, 33}) {
      const auto losses = eighths(rows, ++stream), logits = eighths(rows * classes, ++stream);
      std::vector<std::int32_t> labels;
      for (std::int64_t n = 0; n < rows; ++n) {
        const auto row = logits.begin() + n * classes;
        labels.push_back(static_cast<std::int32_t>(n % classes));
        expected[1] += std::max_element(row, row + classes) - row != labels.back();
        expected[0] += static_cast<double>(losses[static_cast<std::size_t>(n)]);  // exact: in eighths
      }
      expected[2] += static_cast<double>(rows);
      this->kernels.add_to_sums(this->device.template array<float>({rows}, losses),
                                this->device.template array<float>({rows, classes}, logits, 1),
                                this->device.template array<std::int32_t>({rows}, labels), run.state());
      EXPECT_EQ(run.read().sums, expected) << rows << " rows of " << classes;
    }
  StepNumbers skipped = run.read();
  skipped[StepCounter::skip] = 1;
  run.write(skipped);
  this->kernels.add_to_sums(this->losses(), this->device.template array<float>({5, 1}, eighths(5, 0)),
                            this->device.template array<std::int32_t>({5}, {0, 0, 0, 0, 0}), run.state());
  EXPECT_EQ(run.read(), skipped);
}

TYPED_TEST_P(StepKernelsTest, StepsAreCounted) {
  StepRun run(this->device);
  this->kernels.finish_step(128, run.state());
  EXPECT_EQ(run.read().counters, (std::array<std::int64_t, kStepCounters>{1, 1, 0, 128, 0, 0}));
  StepNumbers skipped = run.read();
  skipped[StepCounter::skip] = 1;
  run.write(skipped);
  this->kernels.finish_step(72, run.state());
  EXPECT_EQ(run.read().counters, (std::array<std::int64_t, kStepCounters>{2, 1, 0, 200, 1, 0}));
}

TYPED_TEST_P(StepKernelsTest, CommitCopiesUnlessSkipped) {
  StepNumbers numbers;
  StepRun run(this->device, numbers);
  std::vector<Assignment> assignments;
  std::vector<std::vector<float>> before, after;
  for (std::int64_t i = 0; i < 150; ++i) {  // more than one list
    const std::int64_t size = i == 70 ? 1500 : i % 19, offset = i % 4 == 0 ? 0 : i % 3;
    before.push_back(eighths(size, 2 * i));
    after.push_back(eighths(size, 2 * i + 1));
    assignments.push_back({this->device.template array<float>({size}, after.back(), offset),
                           this->device.template array<float>({size}, before.back(), offset)});
  }
  for (const bool skip : {true, false}) {
    numbers[StepCounter::skip] = skip;
    run.write(numbers);
    this->kernels.commit(assignments, run.state());
    for (std::size_t i = 0; i < assignments.size(); ++i)
      ASSERT_EQ(this->device.template values<float>(assignments[i].to), (skip ? before : after)[i]) << i;
  }
}

REGISTER_TYPED_TEST_SUITE_P(StepKernelsTest, FiniteStepsAreTaken, TheFirstThatIsNotFiniteIsNamed,
                            AfterAProblemNothingChanges, TheLossScaleFallsAndGrows, TheLossScaleStaysInItsRange,
                            AGrowingScaleIsTheNextSteps, SumsCountWhatIsWrong, SumsGoOnFromBatchToBatch,
                            StepsAreCounted, CommitCopiesUnlessSkipped);

}  // namespace basin
