// StepKernels::update of every back end against plain loops.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include "tests/core/step_device.h"
#include "tests/expect_error.h"

namespace basin {

// The values of one parameter, and what plain loops make of them.
template <class T>
struct PlainParameter {
  std::vector<T> parameter, first, second, gradient;

  void sgd(const OptimizerOptions& options, double learning_rate, bool is_first) {
    const T rate = static_cast<T>(learning_rate), decay = static_cast<T>(options.weight_decay);
    const T momentum = static_cast<T>(options.momentum);
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      const T g = gradient[i] + decay * parameter[i];
      first[i] = is_first ? g : momentum * first[i] + g;
      parameter[i] -= rate * (options.nesterov ? g + momentum * first[i] : first[i]);
    }
  }
  void adam(const OptimizerOptions& options, double rate, int step) {
    for (std::size_t i = 0; i < parameter.size(); ++i) {
      T &p = parameter[i], &m = first[i], &v = second[i], g = gradient[i];
      if (options.kind == OptimizerKind::adamw)
        p *= 1 - rate * options.weight_decay;
      else
        g += options.weight_decay * p;
      m = options.beta1 * m + (1 - options.beta1) * g;
      v = options.beta2 * v + (1 - options.beta2) * g * g;
      const T m_hat = m / (1 - std::pow(options.beta1, step)), v_hat = v / (1 - std::pow(options.beta2, step));
      p -= rate * m_hat / (std::sqrt(v_hat) + options.epsilon);
    }
  }
};

template <class Device>
class StepUpdateTest : public ::testing::Test {
 protected:
  struct Parameter {
    PlainParameter<float> plain;
    ParameterUpdate update;
  };

  // Gradients are multiplied by `scale`. Odd ones do not begin at aligned addresses, each third has a copy.
  std::vector<Parameter> parameters(const std::vector<std::int64_t>& sizes, float scale) {
    std::vector<Parameter> result;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Parameter one;
      one.plain = {eighths(sizes[i], 4 * i), eighths(sizes[i], 4 * i + 1), eighths(sizes[i], 4 * i + 2),
                   eighths(sizes[i], 4 * i + 3)};
      for (float& v : one.plain.second) v = v * v + 0.125f;
      std::vector<float> scaled = one.plain.gradient;
      for (float& g : scaled) g *= scale;
      const auto put = [&](const std::vector<float>& values) {
        return device.template array<float>({sizes[i]}, values, static_cast<std::int64_t>(i % 2));
      };
      one.update = {.parameter = put(one.plain.parameter),
                    .first = put(one.plain.first),
                    .second = put(one.plain.second),
                    .gradient = put(scaled)};
      if (i % 3 == 0) one.update.copy = device.template empty<float>({sizes[i]});
      result.push_back(one);
    }
    return result;
  }
  static std::vector<ParameterUpdate> updates(const std::vector<Parameter>& parameters) {
    std::vector<ParameterUpdate> result;
    for (const Parameter& one : parameters) result.push_back(one.update);
    return result;
  }
  static StepNumbers at_step(std::int64_t step, float scale) {
    StepNumbers numbers;
    numbers[StepCounter::batches] = numbers[StepCounter::updates] = step;
    numbers.loss_scale = {scale, 0};
    return numbers;
  }

  Device device;
  StepKernels& kernels = device.kernels();
};
TYPED_TEST_SUITE_P(StepUpdateTest);

inline const std::vector<std::int64_t> kUpdateSizes = {1, 3, 4, 5, 31, 32, 33, 1021, 2048, 2051};

// Values and options of few bits: nothing is rounded.
TYPED_TEST_P(StepUpdateTest, SgdIsExact) {
  for (const double momentum : {0.0, 0.5})
    for (const bool nesterov : {false, true})
      for (const float scale : {1.0f, 1024.0f}) {
        const OptimizerOptions options{.momentum = momentum, .nesterov = nesterov, .weight_decay = 0.25};
        auto parameters = this->parameters(kUpdateSizes, scale);
        StepRun run(this->device);
        for (std::int64_t step = 0; step < 3; ++step) {
          run.write(this->at_step(step, scale));
          this->kernels.update(options, this->updates(parameters), run.state());
          for (auto& [plain, update] : parameters) {
            plain.sgd(options, std::ldexp(0.5, static_cast<int>(-step)), step == 0);
            ASSERT_EQ(this->device.template values<float>(update.parameter), plain.parameter) << "step " << step;
            ASSERT_EQ(this->device.template values<float>(update.first), plain.first) << "step " << step;
            if (update.copy.data) {
              ASSERT_EQ(this->device.template values<float>(update.copy), plain.parameter) << "step " << step;
            }
          }
        }
      }
}

TYPED_TEST_P(StepUpdateTest, AdamFollowsItsDefinition) {
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::adamw}) {
    const OptimizerOptions options{.kind = kind, .weight_decay = 0.25};
    auto parameters = this->parameters(kUpdateSizes, 8);
    StepRun run(this->device);
    for (int step = 0; step < 2; ++step) {
      run.write(this->at_step(step, 8));
      std::vector<PlainParameter<double>> exact;
      for (auto& [plain, update] : parameters) {
        const auto values = [&](const ConstView& view) {
          const auto floats = this->device.template values<float>(view);
          return std::vector<double>(floats.begin(), floats.end());
        };
        exact.push_back({values(update.parameter),
                         values(update.first),
                         values(update.second),
                         {plain.gradient.begin(), plain.gradient.end()}});
        exact.back().adam(options, std::ldexp(0.5, -step), step + 1);
      }
      this->kernels.update(options, this->updates(parameters), run.state());
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const auto near = [&](const ConstView& view, const std::vector<double>& values) {
          const auto found = this->device.template values<float>(view);
          for (std::size_t k = 0; k < values.size(); ++k)  // a few roundings of terms of up to four times the value
            ASSERT_TRUE(std::abs(static_cast<double>(found[k]) - values[k]) <= 0x1p-20 * (1 + std::abs(values[k])))
                << kUpdateSizes[i] << ", element " << k << ": " << found[k] << ", exact " << values[k];
        };
        near(parameters[i].update.parameter, exact[i].parameter);
        near(parameters[i].update.first, exact[i].first);
        near(parameters[i].update.second, exact[i].second);
      }
    }
  }
}

TYPED_TEST_P(StepUpdateTest, TheFirstMomentumIsNotRead) {
  auto parameters = this->parameters({5, 1024}, 1);
  const StepRun run(this->device);
  for (auto& [plain, update] : parameters) {
    std::fill(plain.first.begin(), plain.first.end(), std::nanf(""));
    this->device.write(update.first.data, plain.first.data(), plain.first.size() * sizeof(float));
  }
  this->kernels.update({.momentum = 0.5, .weight_decay = 0.25}, this->updates(parameters), run.state());
  for (auto& [plain, update] : parameters) {
    plain.sgd({.momentum = 0.5, .weight_decay = 0.25}, 0.5, true);
    EXPECT_EQ(this->device.template values<float>(update.first), plain.first);
  }
}

TYPED_TEST_P(StepUpdateTest, SkippedStepsChangeNothing) {
  auto parameters = this->parameters({3, 40}, 1);
  StepNumbers skipped = this->at_step(1, 1);
  skipped[StepCounter::skip] = 1;
  const StepRun run(this->device, skipped);
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw})
    this->kernels.update({.kind = kind}, this->updates(parameters), run.state());
  for (auto& [plain, update] : parameters) {
    EXPECT_EQ(this->device.template values<float>(update.parameter), plain.parameter);
    EXPECT_EQ(this->device.template values<float>(update.first), plain.first);
    EXPECT_EQ(this->device.template values<float>(update.second), plain.second);
  }
  EXPECT_EQ(run.read(), skipped);
}

TYPED_TEST_P(StepUpdateTest, ManyTensorsOfFewElements) {
  const OptimizerOptions options{.momentum = 0.5, .weight_decay = 0.25};
  auto parameters = this->parameters(std::vector<std::int64_t>(150, 2), 1);
  StepRun run(this->device, this->at_step(1, 1));
  this->kernels.update(options, this->updates(parameters), run.state());
  for (auto& [plain, update] : parameters) {
    plain.sgd(options, 0.25, false);
    ASSERT_EQ(this->device.template values<float>(update.parameter), plain.parameter);
  }
}

TYPED_TEST_P(StepUpdateTest, RefusesWhatDoesNotFit) {
  const StepRun run(this->device);
  const ParameterUpdate good = this->parameters({4}, 1)[0].update;
  const auto update = [&](const ParameterUpdate& one, OptimizerKind kind = OptimizerKind::sgd) {
    this->kernels.update({.kind = kind}, {&one, 1}, run.state());
  };
  ParameterUpdate bad = good;
  bad.gradient.shape = {2, 2};
  expect_error([&] { update(bad); }, {"update", "(2, 2)", "(4)"});
  bad = good;
  bad.second = {};
  update(bad);
  expect_error([&] { update(bad, OptimizerKind::adam); }, {"update", "(4)", "moment"});
  bad = good;
  bad.copy = this->device.template empty<bfloat16>({4});
  expect_error([&] { update(bad); }, {"update", "copy bf16", "gradient f32"});
}

REGISTER_TYPED_TEST_SUITE_P(StepUpdateTest, SgdIsExact, AdamFollowsItsDefinition, TheFirstMomentumIsNotRead,
                            SkippedStepsChangeNothing, ManyTensorsOfFewElements, RefusesWhatDoesNotFit);

}  // namespace basin
