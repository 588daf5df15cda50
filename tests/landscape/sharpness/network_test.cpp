// Measures of networks: they take a LossFunction, agree between precisions, and adaptive ones do not change when layers
// are rescaled.
#include <gtest/gtest.h>

#include "landscape/sharpness/ball_sharpness.h"
#include "landscape/sharpness/expected_sharpness.h"
#include "landscape/sharpness/keskar.h"
#include "landscape/sharpness/local_entropy.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

constexpr std::int64_t kFilters = 4, kClasses = 3;

// A convolution, relu and a linear layer on images of 6 x 6.
struct Network {
  Model model{"small", kClasses, Shape{6, 6, 3}, [](const Scope& s, const Tensor& x) {
                const Tensor y = s.conv("conv", x, {.filters = kFilters, .relu = true});
                return s.linear("linear", y, {.outputs = kClasses});
              }};
  State state = initial_state(model);
  Images images = random_pixels(30, 1, kClasses, {6, 6, 3});
  Normalization normalization = recipe_normalization();

  static State initial_state(const Model& model) {
    State state = random_state(model, 7);
    for (Entry& entry : state.entries()) entry.value = cast(entry.value, DType::f64);
    return state;
  }
  LossFunction loss(const State& at, DType dtype = DType::f64) const {
    return {model, at, ParameterSpace(at, {"all"}), images, normalization, cpu_backend(), {.block = 8, .dtype = dtype}};
  }
};

enum class Rescaled : std::uint8_t { layers, one_filter };

// The same function: the filters times `factor`, the columns of the linear layer that read them divided by it.
State rescaled(const State& state, Rescaled what, double factor) {
  State result = state.clone();
  const auto change = [&](const char* name, double by, const auto& is_of_first_filter) {
    Tensor& value = result.find(name)->value;
    std::vector<double> values = value.to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (what == Rescaled::layers || is_of_first_filter(i)) values[i] *= by;
    value = Tensor::from(value.shape(), values, cpu_backend());
  };
  // Filters (K, R, S, C); columns in the order of activations, H W C.
  change("conv.weight", factor, [](std::size_t i) { return i < 3 * 3 * 3; });
  change("linear.weight", 1 / factor, [](std::size_t i) { return i % kFilters == 0; });
  return result;
}

struct Values {
  double loss, sam, asam, asam_refined, filterwise, filterwise_refined, noise, relative_noise;
};

Values measure(const LossFunction& function) {
  const MeanLoss loss = mean_loss(function);
  const Tensor w = function.center();
  const Coordinates plain = plain_coordinates(type_of(w)), elements = scaled_coordinates(element_scale(w)),
                    filters = scaled_coordinates(filter_scale(function.space(), w));
  const BallOptions adaptive{.rho = 0.1, .ascent = {.gradients = 6, .starts = 2}};
  const BallSharpness asam = ball_sharpness(loss, w, elements, adaptive),
                      filterwise = ball_sharpness(loss, w, filters, adaptive);
  return {mean_of(loss.terms(w)),
          ball_sharpness(loss, w, plain, {.rho = 0.1}).one_step.value,
          asam.one_step.value,
          asam.refined.value,
          filterwise.one_step.value,
          filterwise.refined.value,
          expected_sharpness(loss, w, plain, {.sigma = 0.05, .samples = 3}).estimate.value,
          expected_sharpness(loss, w, elements, {.sigma = 0.2, .samples = 3}).estimate.value};
}

TEST(NetworkSharpness, AdaptiveMeasuresDoNotSeeRescaling) {
  const Network network;
  const Values before = measure(network.loss(network.state));
  for (const Rescaled what : {Rescaled::layers, Rescaled::one_filter}) {
    const Values after = measure(network.loss(rescaled(network.state, what, 5)));
    EXPECT_NEAR(after.loss, before.loss, 1e-12);
    EXPECT_NEAR(after.asam, before.asam, 1e-10);
    EXPECT_NEAR(after.asam_refined, before.asam_refined, 1e-8);
    EXPECT_NEAR(after.filterwise, before.filterwise, 1e-10);
    EXPECT_NEAR(after.filterwise_refined, before.filterwise_refined, 1e-8);
    EXPECT_NEAR(after.relative_noise, before.relative_noise, 1e-10);
    EXPECT_GT(std::abs(after.sam - before.sam), 0.1 * before.sam);
    EXPECT_GT(std::abs(after.noise - before.noise), 0.1 * std::abs(before.noise));
  }
  EXPECT_GE(before.asam_refined, before.asam);
  EXPECT_GT(std::abs(before.filterwise - before.asam), 1e-3 * before.asam);
}

// One step of SAM is of first order rho |g|.
TEST(NetworkSharpness, SmallStepsAreOfFirstOrder) {
  const Network network;
  const LossFunction function = network.loss(network.state);
  const Tensor w = function.center();
  const double slope = length(function.value_and_gradient(w).gradient), rho = 1e-5;
  const BallSharpness found =
      ball_sharpness(mean_loss(function), w, plain_coordinates(type_of(w)), {.rho = rho, .ascent = {.starts = 1}});
  EXPECT_NEAR(found.one_step.value, rho * slope, 1e-3 * rho * slope);
}

TEST(NetworkSharpness, SinglePrecisionIsCloseToDouble) {
  const Network network;
  const Values exact = measure(network.loss(network.state)), rounded = measure(network.loss(network.state, DType::f32));
  EXPECT_NEAR(rounded.sam, exact.sam, 1e-4 * exact.sam);
  EXPECT_NEAR(rounded.asam, exact.asam, 1e-4 * exact.asam);
  EXPECT_NEAR(rounded.filterwise, exact.filterwise, 1e-4 * exact.filterwise);
  EXPECT_NEAR(rounded.noise, exact.noise, 1e-3 * std::abs(exact.noise));
  EXPECT_NEAR(rounded.relative_noise, exact.relative_noise, 1e-3 * std::abs(exact.relative_noise));
  const LossFunction twice = network.loss(network.state), single = network.loss(network.state, DType::f32);
  for (const std::int64_t dimensions : {0, 5}) {
    const KeskarOptions options{.dimensions = dimensions, .ascent = {.gradients = 10}};
    const double expected = keskar_sharpness(mean_loss(twice), twice.center(), options).value;
    EXPECT_GT(expected, 0);
    EXPECT_NEAR(keskar_sharpness(mean_loss(single), single.center(), options).value, expected, 1e-2 * expected);
  }
}

// E_lambda[L] for lambda near 0 is the mean loss under the Gaussian: expected sharpness.
TEST(NetworkSharpness, EntropyBeginsAtTheExpectedLoss) {
  const Network network;
  const LossFunction function = network.loss(network.state);
  const MeanLoss loss = mean_loss(function);
  const Tensor w = function.center();
  const double sigma = 0.1;
  const EntropyNode node = entropy_node(loss, w, 0, {.gamma = 1 / (sigma * sigma), .beta = 1, .steps = 200});
  const ExpectedSharpness noise =
      expected_sharpness(loss, w, plain_coordinates(type_of(w)), {.sigma = sigma, .samples = 100});
  const double expected = mean_of(loss.terms(w)) + noise.estimate.value;
  EXPECT_NEAR(node.loss.value, expected, 4 * std::hypot(node.loss.error, noise.estimate.error));
  EXPECT_GT(node.acceptance, 0.9);
}

}  // namespace
}  // namespace basin
