// Optimizers against their definitions in plain double loops, and schedules against values worked out by hand.
#include "core/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/backend.h"
#include "core/schedule.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

using Values = std::vector<double>;
constexpr int kSteps = 5;
constexpr double kRate = 0.05, kDecay = 0.01;
const Values kStart{0.5, -1.25, 2, -0.03, 0};

Tensor vector_of(const Values& values) {
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, cpu_backend());
}

// Any gradient that depends on where one is.
Values gradient_at(const Values& p) {
  Values g;
  for (std::size_t i = 0; i < p.size(); ++i) g.push_back(2 * p[i] + std::sin(static_cast<double>(i)));
  return g;
}

Values run(const OptimizerOptions& options) {
  const Tensor parameter = vector_of(kStart);
  const auto optimizer = make_optimizer(options, {"p"}, {parameter});
  for (int step = 0; step < kSteps; ++step)
    optimizer->step({vector_of(gradient_at(parameter.to_vector<double>()))}, kRate);
  EXPECT_EQ(optimizer->steps(), kSteps);
  return parameter.to_vector<double>();
}

void expect_close(const Values& found, const Values& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(std::abs(found[i] - expected[i]) <= 1e-13) << i << ": " << found[i] << ", expected " << expected[i];
}

// Sutskever et al. 2013 with the velocity in units of the gradient, as PyTorch has it.
Values sgd(double momentum, bool nesterov) {
  Values p = kStart, m(p.size(), 0);
  for (int step = 0; step < kSteps; ++step) {
    Values g = gradient_at(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      g[i] += kDecay * p[i];
      m[i] = momentum * m[i] + g[i];
      p[i] -= kRate * (nesterov ? g[i] + momentum * m[i] : m[i]);
    }
  }
  return p;
}

// Kingma, Ba 2015, algorithm 1; decoupled: Loshchilov, Hutter 2019, algorithm 2 with PyTorch's rate * decay.
Values adam(bool decoupled) {
  Values p = kStart, m(p.size(), 0), v(p.size(), 0);
  for (int t = 1; t <= kSteps; ++t) {
    Values g = gradient_at(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (decoupled)
        p[i] *= 1 - kRate * kDecay;
      else
        g[i] += kDecay * p[i];
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
      p[i] -= kRate * (m[i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
    }
  }
  return p;
}

TEST(Optimizer, SgdFollowsItsDefinition) {
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true})
      expect_close(run({.momentum = momentum, .nesterov = nesterov, .weight_decay = kDecay}), sgd(momentum, nesterov));
}

TEST(Optimizer, AdamFollowsItsDefinition) {
  expect_close(run({.kind = OptimizerKind::adam, .weight_decay = kDecay}), adam(false));
}

TEST(Optimizer, AdamWDecaysTheParameter) {
  expect_close(run({.kind = OptimizerKind::adamw, .weight_decay = kDecay}), adam(true));
}

TEST(Optimizer, RestoredGoesOnBitExactly) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw}) {
    const Tensor first = vector_of(kStart);
    const auto whole = make_optimizer({.kind = kind}, {"p"}, {first});
    for (int step = 0; step < 3; ++step) whole->step({vector_of(gradient_at(first.to_vector<double>()))}, kRate);

    const Tensor second = first.clone();
    const auto resumed = make_optimizer({.kind = kind}, {"p"}, {second});
    resumed->restore(whole->steps(), whole->slots());
    for (int step = 0; step < 3; ++step) {
      whole->step({vector_of(gradient_at(first.to_vector<double>()))}, kRate);
      resumed->step({vector_of(gradient_at(second.to_vector<double>()))}, kRate);
    }
    EXPECT_EQ(first.to_vector<double>(), second.to_vector<double>()) << name_of(kind);
  }
}

TEST(Optimizer, MisfitsAreNamed) {
  const auto optimizer = make_optimizer({}, {"p"}, {vector_of(kStart)});
  expect_error([&] { optimizer->step({vector_of({1, 2})}, kRate); }, {"gradient of p", "(2)", "(5)"});
  expect_error([&] { optimizer->step({}, kRate); }, {"0 gradients", "1 parameters"});
  expect_error([&] { optimizer->restore(1, {{"momentum.q", vector_of(kStart)}}); }, {"momentum.p"});
  expect_error([&] { optimizer->restore(1, {{"momentum.p", vector_of({1})}}); }, {"momentum.p", "(1)", "(5)"});
  expect_error([&] { parse_optimizer("sgdd"); }, {"sgd, adam or adamw", "'sgdd'"});
}

TEST(Schedule, StepFallsAtItsMilestones) {
  const Schedule schedule{
      .kind = ScheduleKind::step, .peak = 0.1, .steps = 300, .warmup = 0, .milestones = {150, 225, 275}};
  EXPECT_DOUBLE_EQ(schedule.learning_rate(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(149), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(150), 0.01);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(225), 0.001);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(299), 0.0001);
}

TEST(Schedule, WarmupIsLinearForEveryKindButOneCycle) {
  for (const ScheduleKind kind : {ScheduleKind::constant, ScheduleKind::step, ScheduleKind::cosine}) {
    const Schedule schedule{.kind = kind, .peak = 0.4, .steps = 100, .warmup = 4};
    EXPECT_DOUBLE_EQ(schedule.learning_rate(0), 0.1) << name_of(kind);
    EXPECT_DOUBLE_EQ(schedule.learning_rate(1), 0.2) << name_of(kind);
    EXPECT_DOUBLE_EQ(schedule.learning_rate(3), 0.4) << name_of(kind);
    EXPECT_DOUBLE_EQ(schedule.learning_rate(4), 0.4) << name_of(kind);
  }
}

TEST(Schedule, CosineIsHalfAtHalfTime) {
  const Schedule schedule{.kind = ScheduleKind::cosine, .peak = 0.2, .steps = 110, .warmup = 10};
  EXPECT_NEAR(schedule.learning_rate(60), 0.1, 1e-15);
  EXPECT_NEAR(schedule.learning_rate(110), 0, 1e-15);
}

TEST(Schedule, OneCycleRisesAndFalls) {
  const Schedule schedule{.kind = ScheduleKind::one_cycle, .peak = 1, .steps = 101};
  EXPECT_NEAR(schedule.learning_rate(0), 1.0 / 25, 1e-15);
  EXPECT_NEAR(schedule.learning_rate(30), 1, 1e-15);
  EXPECT_NEAR(schedule.learning_rate(15), (1 + 1.0 / 25) / 2, 1e-15);
  EXPECT_NEAR(schedule.learning_rate(100), 1.0 / 25e4, 1e-15);
}

}  // namespace
}  // namespace basin
