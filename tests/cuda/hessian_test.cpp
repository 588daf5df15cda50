// Gradients, Hessian-vector products, Lanczos and traces on the CUDA back end, emulated, against the CPU in float64.
#include <gtest/gtest.h>

#include "cuda/cuda_backend.h"
#include "landscape/hessian/extremes.h"
#include "landscape/hessian/trace.h"
#include "landscape/loss_function.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

Backend& gpu() { return cuda::cuda_backend(0); }

// Convolutions with and without a residual, on 8 x 8 images.
class CudaHessian : public ::testing::Test {
 protected:
  LossFunction loss(Backend& backend, DType dtype, const std::string& parameters = "matrices") const {
    return {model_,
            state_,
            ParameterSpace(state_, {parameters}),
            images_,
            recipe_normalization(),
            backend,
            {.block = 4, .dtype = dtype}};
  }
  // v, as the same values on each back end.
  static Tensor probe(const LossFunction& loss) {
    const Tensor v = normal_probe({loss.size(), DType::f32, &cpu_backend()}, 3, "v", 0);
    if (loss.dtype() == DType::f64) return cast(v, DType::f64);
    return Tensor::from({loss.size()}, v.to_vector<float>(), loss.backend());
  }

  Model model_{"small", 3, Shape{8, 8, 3}, [](const Scope& s, const Tensor& x) {
                 const Tensor a = s.batch_norm("bn1", s.conv("conv1", x, {.filters = 8}), {.relu = true});
                 const Tensor b =
                     s.batch_norm("bn2", s.conv("conv2", a, {.filters = 8}), {.relu = true, .residual = a});
                 return s.linear("linear", average_pool2d(b, {.kernel = 8, .stride = 8}), {.outputs = 3});
               }};
  State state_ = random_state(model_, 5);
  Images images_ = random_pixels(6, 1, 3, {8, 8, 3});
};

TEST_F(CudaHessian, GradientsAndProductsAreTheCpus) {
  for (const char* parameters : {"all", "matrices"}) {
    const LossFunction exact = loss(cpu_backend(), DType::f64, parameters),
                       device = loss(gpu(), DType::f32, parameters);
    const ValueAndGradient expected = exact.value_and_gradient(exact.center()),
                           found = device.value_and_gradient(device.center());
    EXPECT_NEAR(found.value, expected.value, 1e-5 * expected.value);
    const auto compare = [](const Tensor& a, const Tensor& b) {
      const std::vector<float> values = a.to_vector<float>();
      const std::vector<double> truth = b.to_vector<double>();
      double scale = 0;
      for (const double t : truth) scale = std::max(scale, std::abs(t));
      for (std::size_t i = 0; i < truth.size(); ++i) ASSERT_NEAR(values[i], truth[i], 2e-5 * scale) << i;
    };
    compare(found.gradient, expected.gradient);
    compare(device.hessian_product(device.center(), probe(device)),
            exact.hessian_product(exact.center(), probe(exact)));
  }
}

TEST_F(CudaHessian, EigenvaluesAndTracesAreTheCpus) {
  const auto measure = [&](const LossFunction& f) {
    const Tensor point = f.center();
    const auto apply = [&](const Tensor& v) { return f.hessian_product(point, v); };
    const Extremes found = extremes(apply, type_of(point), {.tolerance = 1e-3, .products = 25}, true);
    EXPECT_TRUE(found.converged());
    return std::pair{found.largest[0].value, hutchinson_sample(apply, type_of(point), 1, 0)};
  };
  const auto [largest, sample] = measure(loss(gpu(), DType::f32));
  const auto [expected, expected_sample] = measure(loss(cpu_backend(), DType::f32));
  EXPECT_NEAR(largest, expected, 1e-3 * expected);
  EXPECT_NEAR(sample, expected_sample, 1e-3 * std::abs(expected));
}

}  // namespace
}  // namespace basin
