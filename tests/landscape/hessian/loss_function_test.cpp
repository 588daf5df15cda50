#include "landscape/loss_function.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/interrupt.h"
#include "landscape/evaluator.h"
#include "landscape/hessian/probes.h"
#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

// A convolution, batch norm with statistics of its own, relu and a linear layer, on images of 6 x 6.
struct SmallProblem {
  Model model{"small", 3, Shape{6, 6, 3}, [](const Scope& s, const Tensor& x) {
                const Tensor y = s.batch_norm("bn", s.conv("conv", x, {.filters = 4}), {.relu = true});
                return s.linear("linear", y, {.outputs = 3});
              }};
  State state = random_state(model, 7);
  Images images = random_pixels(10, 1, 3, {6, 6, 3});
  Normalization normalization = recipe_normalization();

  LossFunction loss(const LossOptions& options, const std::string& parameters = "all") const {
    return {model, state, ParameterSpace(state, {parameters}), images, normalization, cpu_backend(), options};
  }
};

Tensor probe(const LossFunction& loss, std::uint64_t index) {
  return normal_probe({loss.size(), loss.dtype(), &loss.backend()}, 9, "probe", index);
}

TEST(LossFunction, ValueIsThatOfTheEvaluator) {
  const SmallProblem small;
  const LossFunction loss = small.loss({});
  const Plane plane{&small.model, &small.state, nullptr, nullptr};
  const auto evaluator = make_evaluator(plane, {&small.images, nullptr, small.normalization}, {.engine = "autograd"});
  const double expected = evaluate_point(*evaluator, {}).train.loss;
  EXPECT_NEAR(loss.value(loss.center()), expected, 1e-6 * expected);
  const std::vector<double> images = loss.image_losses(loss.center());
  EXPECT_EQ(images.size(), 10u);
  EXPECT_NEAR(std::accumulate(images.begin(), images.end(), 0.0) / 10, expected, 1e-6 * expected);
}

TEST(LossFunction, GradientIsTheSlope) {
  const SmallProblem small;
  for (const Objective objective : {Objective::cross_entropy, Objective::squared_error})
    for (const double decay : {0.0, 0.3}) {
      const LossFunction loss =
          small.loss({.objective = objective, .weight_decay = decay, .block = 4, .dtype = DType::f64});
      const Tensor point = loss.center(), v = probe(loss, 0);
      const ValueAndGradient at = loss.value_and_gradient(point);
      EXPECT_NEAR(at.value, loss.value(point), 1e-12);
      const double h = 1e-5, slope = (loss.value(sum_of(point, h, v)) - loss.value(sum_of(point, -h, v))) / (2 * h);
      EXPECT_NEAR(inner_product(at.gradient, v), slope, 1e-6 * std::abs(slope) + 1e-9);
    }
}

TEST(LossFunction, ProductsAreDifferencesOfGradients) {
  const SmallProblem small;
  for (const char* parameters : {"all", "matrices", "linear"}) {
    const LossFunction loss = small.loss({.weight_decay = 0.1, .block = 3, .dtype = DType::f64}, parameters);
    const Tensor point = loss.center(), u = probe(loss, 0), v = probe(loss, 1);
    const Tensor product = loss.hessian_product(point, v);
    const double h = 1e-6;
    const Tensor difference = scaled(sum_of(loss.value_and_gradient(sum_of(point, h, v)).gradient, -1,
                                            loss.value_and_gradient(sum_of(point, -h, v)).gradient),
                                     1 / (2 * h));
    EXPECT_LE(length(sum_of(product, -1, difference)), 1e-6 * length(product)) << parameters;
    EXPECT_NEAR(inner_product(u, product), inner_product(v, loss.hessian_product(point, u)), 1e-10 * length(product));
  }
}

// The weight-decay term adds its multiple of the identity, and nothing else.
TEST(LossFunction, WeightDecayShiftsTheSpectrum) {
  const SmallProblem small;
  const LossFunction plain = small.loss({.dtype = DType::f64}),
                     decayed = small.loss({.weight_decay = 0.25, .dtype = DType::f64});
  const Tensor point = plain.center(), v = probe(plain, 0);
  const Tensor shift = sum_of(decayed.hessian_product(point, v), -1, plain.hessian_product(point, v));
  EXPECT_LE(length(sum_of(shift, -0.25, v)), 1e-12 * length(v));
}

TEST(LossFunction, ANewPointHasAGraphOfItsOwn) {
  const SmallProblem small;
  const LossFunction loss = small.loss({.dtype = DType::f64});
  const Tensor a = loss.center(), v = probe(loss, 0), b = sum_of(a, 0.1, probe(loss, 1));
  const std::vector<double> at_a = loss.hessian_product(a, v).to_vector<double>();
  const std::vector<double> at_b = loss.hessian_product(b, v).to_vector<double>();
  EXPECT_NE(at_a, at_b);
  EXPECT_EQ(at_a, loss.hessian_product(a, v).to_vector<double>());
  EXPECT_EQ(at_b, small.loss({.dtype = DType::f64}).hessian_product(b, v).to_vector<double>());
}

TEST(LossFunction, BlocksChangeRoundingAlone) {
  const SmallProblem small;
  const LossFunction whole = small.loss({.dtype = DType::f64}), parts = small.loss({.block = 3, .dtype = DType::f64});
  const Tensor point = whole.center(), v = probe(whole, 0);
  const Tensor expected = whole.hessian_product(point, v);
  EXPECT_LE(length(sum_of(parts.hessian_product(point, v), -1, expected)), 1e-12 * length(expected));
  const Tensor gradient = whole.value_and_gradient(point).gradient;
  EXPECT_LE(length(sum_of(parts.value_and_gradient(point).gradient, -1, gradient)), 1e-12 * length(gradient));
}

TEST(LossFunction, SomeImages) {
  const SmallProblem small;
  const LossFunction loss = small.loss({.block = 4, .dtype = DType::f64});
  const Tensor point = loss.center();
  std::vector<std::int64_t> all(10);
  std::iota(all.rbegin(), all.rend(), 0);
  const ValueAndGradient expected = loss.value_and_gradient(point), found = loss.value_and_gradient(point, all);
  EXPECT_NEAR(found.value, expected.value, 1e-12);
  EXPECT_LE(length(sum_of(found.gradient, -1, expected.gradient)), 1e-12);
  const std::vector<std::int64_t> twice{3, 3};
  EXPECT_NEAR(loss.value_and_gradient(point, twice).value, loss.image_losses(point)[3], 1e-12);
  expect_error([&] { loss.value_and_gradient(point, {}); }, {"no images"});
}

TEST(LossFunction, CurvaturesOfBlocksAverageToTheRayleighQuotient) {
  const SmallProblem small;
  const LossFunction loss = small.loss({.weight_decay = 0.5, .block = 4, .dtype = DType::f64});
  const Tensor point = loss.center(), v = probe(loss, 0);
  const std::vector<BlockValue> blocks = loss.block_curvatures(point, v);
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[2].images, 2);
  const double quotient = inner_product(v, loss.hessian_product(point, v)) / inner_product(v, v);
  const Estimate estimate = estimate_of(blocks);
  EXPECT_NEAR(estimate.value, quotient - 0.5, 1e-12);
  EXPECT_GT(estimate.error, 0);
}

TEST(LossFunction, SinglePrecisionIsCloseToDouble) {
  const SmallProblem small;
  const LossFunction exact = small.loss({.dtype = DType::f64}), rounded = small.loss({});
  const std::vector<double> expected = exact.hessian_product(exact.center(), probe(exact, 0)).to_vector<double>();
  const std::vector<float> found = rounded.hessian_product(rounded.center(), probe(rounded, 0)).to_vector<float>();
  double scale = 0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5 * scale) << i;
}

// A real network: two images, float64.
TEST(LossFunction, ProductsOfResnet20) {
  const Model model = find_model("resnet20");
  const State state = random_state(model, 3);
  const LossFunction loss(model, state, ParameterSpace(state, {"matrices"}), random_pixels(2, 1),
                          recipe_normalization(), cpu_backend(), {.dtype = DType::f64});
  const Tensor point = loss.center();
  const Tensor v = scaled(probe(loss, 0), 1 / length(probe(loss, 0)));
  const Tensor product = loss.hessian_product(point, v);
  const double h = 1e-5;
  const Tensor difference = scaled(sum_of(loss.value_and_gradient(sum_of(point, h, v)).gradient, -1,
                                          loss.value_and_gradient(sum_of(point, -h, v)).gradient),
                                   1 / (2 * h));
  EXPECT_LE(length(sum_of(product, -1, difference)), 1e-5 * length(product));
}

TEST(LossFunction, RefusesWhatDoesNotFit) {
  const SmallProblem small;
  Images none = small.images.first(0);
  EXPECT_THROW(
      LossFunction(small.model, small.state, ParameterSpace(small.state, {}), none, small.normalization, cpu_backend()),
      Error);
  Images labelled = small.images;
  labelled.labels[4] = 3;
  expect_error(
      [&] {
        LossFunction(small.model, small.state, ParameterSpace(small.state, {}), labelled, small.normalization,
                     cpu_backend());
      },
      {"label 3", "3 classes"});
}

TEST(LossFunction, StopsBetweenBlocks) {
  const SmallProblem small;
  int asked = 0;
  const LossFunction loss = small.loss({.block = 2, .stop = [&] { return ++asked > 8; }});
  EXPECT_THROW(for (int i = 0; i < 9; ++i) loss.value_and_gradient(loss.center()), Interrupted);
  EXPECT_EQ(asked, 9);
}

}  // namespace
}  // namespace basin
