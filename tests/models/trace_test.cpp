#include <gtest/gtest.h>

#include <algorithm>

#include "models/plan.h"
#include "tests/expect_error.h"
#include "tests/models/network_values.h"

namespace basin {
namespace {

Tensor evaluated(const Model& model, State& state, const Tensor& x) {
  const Recording off(false);
  return forward(model, state, x, Mode::evaluate);
}

// Every buffer is written once and before it is read; every tensor of the state but the counters has its use.
void expect_well_formed(const Plan& plan, const State& state) {
  std::vector<int> written(plan.buffers.size());
  written[0] = 1;
  std::vector<bool> used(state.entries().size());
  for (const Stage& stage : plan.stages) {
    for (const int input : stage.inputs) EXPECT_EQ(written.at(static_cast<std::size_t>(input)), 1);
    if (stage.residual >= 0) {
      EXPECT_EQ(written.at(static_cast<std::size_t>(stage.residual)), 1);
    }
    ++written.at(static_cast<std::size_t>(stage.output));
    for (const int entry : {stage.weight, stage.bias, stage.gamma, stage.beta, stage.mean, stage.variance})
      if (entry >= 0) used.at(static_cast<std::size_t>(entry)) = true;
  }
  for (std::size_t i = 1; i < plan.buffers.size(); ++i) EXPECT_EQ(written[i], 1) << "buffer " << i;
  for (std::size_t i = 0; i < used.size(); ++i)
    EXPECT_EQ(used[i], state.entries()[i].role != Role::batches_tracked) << state.entries()[i].name;
}

class TracedModel : public testing::TestWithParam<std::string> {};

TEST_P(TracedModel, PlanEqualsForward) {
  const Model model = find_model(GetParam());
  State state = random_state(model, 11);
  const Plan plan = trace(model, state);
  EXPECT_EQ(plan.model, model.name);
  EXPECT_EQ(plan.classes, 10);
  expect_well_formed(plan, state);
  const Tensor x = random_images(model, 1, 12);
  EXPECT_LE(relative_error(run_plan(plan, state, x), evaluated(model, state, x)), 1e-5);
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, TracedModel, testing::ValuesIn(model_names()), test_name);

std::int64_t count(const Plan& plan, Stage::Kind kind) {
  return std::count_if(plan.stages.begin(), plan.stages.end(), [&](const Stage& stage) { return stage.kind == kind; });
}

TEST(Trace, FoldsWhatFollowsAContraction) {
  const auto plan_of = [](const char* name) {
    const Model model = find_model(name);
    return trace(model, initialize(model, 1, cpu_backend()));
  };
  // A ResNet is its convolutions, one pool and one linear layer.
  const Plan resnet = plan_of("resnet20");
  EXPECT_EQ(resnet.stages.size(), 21u + 2u);  // 19 + 2 projections
  EXPECT_EQ(count(resnet, Stage::Kind::convolution), 21);
  const Plan vgg = plan_of("vgg9");
  EXPECT_EQ(vgg.stages.size(), 7u + 3u + 2u);
  EXPECT_EQ(plan_of("vgg16").stages.size(), 13u + 5u + 1u);
  // In a DenseNet the first batch norm of each layer, of each transition and the last one read a concatenation.
  const Plan dense = plan_of("densenet121");
  EXPECT_EQ(count(dense, Stage::Kind::affine), 58 + 3 + 1);
  EXPECT_EQ(count(dense, Stage::Kind::concat), 58);
  EXPECT_EQ(count(dense, Stage::Kind::convolution), 1 + 2 * 58 + 3);
}

TEST(Trace, CountsMultiplyAdds) {
  const auto millions = [](const char* name) {
    const Model model = find_model(name);
    return static_cast<double>(trace(model, initialize(model, 1, cpu_backend())).multiply_adds) / 1e6;
  };
  EXPECT_NEAR(millions("resnet20"), 40.8, 0.05);
  EXPECT_NEAR(millions("resnet56"), 125.7, 0.05);
  EXPECT_NEAR(millions("resnet110"), 253.1, 0.05);
  EXPECT_NEAR(millions("vgg9"), 191.6, 0.05);
}

TEST(Trace, PlansInDouble) {
  for (const char* name : {"resnet20", "vgg9"}) {
    const Model model = find_model(name);
    State state = random_state(model, 5, DType::f64);
    const Tensor x = random_images(model, 1, 6, DType::f64);
    EXPECT_LE(relative_error(run_plan(trace(model, state), state, x), evaluated(model, state, x)), 1e-12) << name;
  }
}

// Models outside the registry, written with plain operations.
Model model_of(std::function<Tensor(const Scope&, const Tensor&)> forward) {
  return {.name = "own", .image = {8, 8, 3}, .forward = std::move(forward)};
}

Tensor classify(const Scope& s, const Tensor& y) {
  return s.linear("linear", average_pool2d(y, {.kernel = 8, .stride = 8}), {.outputs = 10});
}

TEST(Trace, TakesSumsWrittenOut) {
  const Model model = model_of([](const Scope& s, const Tensor& x) {
    const Tensor stem = s.conv("conv1", x, {.filters = 4, .bias = true, .relu = true});
    const Tensor a = s.batch_norm("bn2", s.conv("conv2", stem, {.filters = 4}));
    const Tensor b = relu(stem + a);                                       // joins conv2
    const Tensor c = relu(max_pool2d(b, {.kernel = 1, .stride = 1}) + b);  // joins nothing
    const Tensor d = s.conv("conv3", c, {.filters = 4});
    const Tensor e = d + s.batch_norm("bn3", d);  // d goes to two places: neither the norm nor the sum joins conv3
    return classify(s, e);
  });
  State state = random_state(model, 21);
  const Plan plan = trace(model, state);
  EXPECT_EQ(plan.stages.size(), 8u);  // 3 convolutions, pool, sum, affine with d as residual, pool, linear
  EXPECT_EQ(count(plan, Stage::Kind::add), 1);
  EXPECT_EQ(count(plan, Stage::Kind::affine), 1);
  const Tensor x = random_images(model, 3, 22);
  EXPECT_LE(relative_error(run_plan(plan, state, x), evaluated(model, state, x)), 1e-5);
}

TEST(Trace, NamesWhatItCannotPlan) {
  const auto refused = [](std::function<Tensor(const Scope&, const Tensor&)> forward,
                          std::initializer_list<std::string> parts) {
    const Model model = model_of(std::move(forward));
    expect_error([&] { trace(model, initialize(model, 1, cpu_backend())); }, parts);
  };
  refused([](const Scope& s, const Tensor& x) { return classify(s, tanh(x)); }, {"own", "tanh"});
  refused([](const Scope& s, const Tensor& x) { return classify(s, relu(x)); }, {"own", "relu"});
  refused([](const Scope& s, const Tensor& x) { return classify(s, x + ones_like(x)); }, {"own", "add", "image"});
  refused(
      [](const Scope& s, const Tensor& x) {
        return classify(s, concat({x, x}, 1));
      },
      {"own", "concat", "channels"});
}

TEST(Plan, ChecksItsInput) {
  const Model model = find_model("resnet20");
  const State state = initialize(model, 1, cpu_backend());
  const Plan plan = trace(model, state);
  expect_error(
      [&] {
        run_plan(plan, state, Tensor::zeros({1, 16, 16, 3}, DType::f32, cpu_backend()));
      },
      {"(1, 16, 16, 3)", "(1, 32, 32, 3)"});
}

}  // namespace
}  // namespace basin
