// The layers in training mode; their values are compared with PyTorch's in pytorch_test.cpp.
#include "models/scope.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/models/network_values.h"

namespace basin {
namespace {

Model small_model() {
  return {.name = "small", .image = {8, 8, 3}, .forward = [](const Scope& s, const Tensor& x) {
            const Tensor y = s.batch_norm("bn", s.conv("conv", x, {.filters = 4, .bias = true}), {.relu = true});
            return s.linear("linear", y, {.outputs = 10});
          }};
}

TEST(Scope, TrainingUpdatesRunningStatistics) {
  const Model model = small_model();
  State state = random_state(model, 1, DType::f64);
  const State before = state;
  const Tensor x = random_images(model, 2, 2, DType::f64);
  forward(model, state, x, Mode::train);

  const Tensor y = conv2d(x, before["conv.weight"], {.padding = 1}) + before["conv.bias"];
  const double n = 2 * 8 * 8;
  const Tensor mean_of_y = mean(y, {0, 1, 2});
  const Tensor variance = sum((y - mean_of_y) * (y - mean_of_y), {0, 1, 2}) / (n - 1);
  EXPECT_LE(relative_error(state["bn.running_mean"], before["bn.running_mean"] * 0.9 + mean_of_y * 0.1), 1e-12);
  EXPECT_LE(relative_error(state["bn.running_var"], before["bn.running_var"] * 0.9 + variance * 0.1), 1e-12);
  EXPECT_EQ(state["bn.num_batches_tracked"].item(), 1);
  EXPECT_EQ(before["bn.num_batches_tracked"].item(), 0);
}

TEST(Scope, EvaluationLeavesTheStateAlone) {
  const Model model = small_model();
  State state = random_state(model, 1);
  const State before = state;
  forward(model, state, random_images(model, 2, 2), Mode::evaluate);
  for (std::size_t i = 0; i < state.entries().size(); ++i)
    EXPECT_EQ(state.entries()[i].value.identity(), before.entries()[i].value.identity());
}

TEST(Scope, LogitsDifferentiateByTheStatesParameters) {
  const Model model = small_model();
  State state = random_state(model, 1, DType::f64);
  const Tensor x = random_images(model, 2, 2, DType::f64);
  const auto loss = [&](State& at) { return sum(tanh(forward(model, at, x, Mode::train))); };
  const Tensors parameters = state.parameters();
  const Tensors gradients = gradient(loss(state), parameters);

  Tensors direction, forth, back;
  const double step = 1e-5;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    direction.push_back(normal(parameters[i].shape(), 3, i, DType::f64, cpu_backend()));
    forth.push_back((parameters[i] + direction[i] * step).detach());
    back.push_back((parameters[i] - direction[i] * step).detach());
  }
  State moved = state;
  moved.set_parameters(forth);
  const double above = loss(moved).item();
  moved.set_parameters(back);
  const double difference = (above - loss(moved).item()) / (2 * step), expected = dot(gradients, direction).item();
  EXPECT_LE(std::abs(difference - expected), 1e-6 * std::abs(expected));
}

TEST(Scope, FlattenedLinearLayersAreMarked) {
  const State state = initialize(small_model(), 1, cpu_backend());
  const Entry& weight = *state.find("linear.weight");
  EXPECT_EQ(weight.flattened_height, 8);
  EXPECT_EQ(weight.flattened_width, 8);
  EXPECT_EQ(weight.flattened_channels, 4);
}

TEST(Scope, SaysWhatIsWrong) {
  const Model model = small_model();
  State empty;
  const Tensor x = random_images(model, 2, 2);
  expect_error([&] { forward(model, empty, x, Mode::evaluate); }, {"no tensor conv.weight", "(4, 3, 3, 3)"});
  State state = initialize(model, 1, cpu_backend());
  state.find("conv.weight")->value = Tensor::zeros({4, 1, 1, 3}, DType::f32, cpu_backend());
  expect_error([&] { forward(model, state, x, Mode::evaluate); }, {"conv.weight", "(4, 1, 1, 3)", "(4, 3, 3, 3)"});

  const Model flat{
      .name = "flat", .image = {4}, .forward = [](const Scope& s, const Tensor& y) { return s.batch_norm("bn", y); }};
  State norm = initialize(flat, 1, cpu_backend());
  expect_error([&] { forward(flat, norm, random_images(flat, 1, 1), Mode::train); }, {"bn", "two values per channel"});
}

}  // namespace
}  // namespace basin
