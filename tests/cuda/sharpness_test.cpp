// Measures of sharpness on the CUDA back end, emulated, against the CPU in float64.
#include <gtest/gtest.h>

#include "cuda/cuda_backend.h"
#include "landscape/sharpness/ball_sharpness.h"
#include "landscape/sharpness/expected_sharpness.h"
#include "landscape/sharpness/keskar.h"
#include "landscape/sharpness/local_entropy.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

class CudaSharpness : public ::testing::Test {
 protected:
  LossFunction loss(Backend& backend, DType dtype) const {
    return {model_,
            state_,
            ParameterSpace(state_, {"all"}),
            images_,
            recipe_normalization(),
            backend,
            {.block = 4, .dtype = dtype}};
  }

  Model model_{"small", 3, Shape{6, 6, 3}, [](const Scope& s, const Tensor& x) {
                 const Tensor y = s.batch_norm("bn", s.conv("conv", x, {.filters = 8}), {.relu = true});
                 return s.linear("linear", average_pool2d(y, {.kernel = 6, .stride = 6}), {.outputs = 3});
               }};
  State state_ = random_state(model_, 5);
  Images images_ = random_pixels(6, 1, 3, {6, 6, 3});
};

std::vector<double> measure(const LossFunction& function) {
  const MeanLoss loss = mean_loss(function);
  const Tensor w = function.center();
  const AscentOptions ascent{.gradients = 3, .starts = 2};
  std::vector<double> values;
  for (const std::int64_t dimensions : {0, 4})
    values.push_back(keskar_sharpness(loss, w, {.epsilon = 1e-2, .dimensions = dimensions, .ascent = ascent}).value /
                     100);
  for (const Coordinates& coordinates : {plain_coordinates(type_of(w)), scaled_coordinates(element_scale(w)),
                                         scaled_coordinates(filter_scale(function.space(), w))}) {
    const BallSharpness found = ball_sharpness(loss, w, coordinates, {.rho = 0.1, .ascent = ascent});
    values.insert(values.end(), {found.one_step.value, found.one_step.error, found.refined.value});
  }
  const ExpectedSharpness noise =
      expected_sharpness(loss, w, plain_coordinates(type_of(w)), {.sigma = 0.1, .samples = 3});
  values.insert(values.end(), {noise.estimate.value, noise.estimate.error, noise.images_error});
  const EntropyNode node = entropy_node(loss, w, 10, {.gamma = 10, .beta = 5, .steps = 6});
  values.insert(values.end(), {node.loss.value, node.loss.error});
  return values;
}

TEST_F(CudaSharpness, ValuesAreTheCpus) {
  const std::vector<double> expected = measure(loss(cpu_backend(), DType::f64)),
                            found = measure(loss(cuda::cuda_backend(0), DType::f32));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-3 * std::abs(expected[i])) << i;
}

}  // namespace
}  // namespace basin
