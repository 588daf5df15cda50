#include "core/autograd.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/backend.h"
#include "core/operations.h"

namespace basin {
namespace {

Tensor scalar(double value) { return Tensor::from({}, std::vector<double>{value}, cpu_backend()); }

TEST(Autograd, DerivativesOfAnyOrder) {
  // d^k/dx^k x^5 at 2: 80, 160, 240, 240, 120, 0
  const Tensor x = scalar(2);
  Tensor y = x * x * x * x * x;
  for (const double expected : {80.0, 160.0, 240.0, 240.0, 120.0, 0.0}) {
    y = gradient(y, {x}, {.create_graph = true})[0];
    EXPECT_DOUBLE_EQ(y.item(), expected);
  }
}

TEST(Autograd, InputsWithoutInfluenceGetZeros) {
  const Tensor x = scalar(2), z = scalar(3);
  const Tensors g = gradient(x * x, {z, x});
  EXPECT_EQ(g[0].item(), 0);
  EXPECT_EQ(g[1].item(), 4);
}

TEST(Autograd, GradientOfAnIntermediateValue) {
  const Tensor x = scalar(3);
  const Tensor square = x * x;
  const Tensors g = gradient(square * square, {square, x});
  EXPECT_EQ(g[0].item(), 18);
  EXPECT_EQ(g[1].item(), 108);
}

TEST(Autograd, NothingIsRecordedWhileRecordingIsOff) {
  const Tensor x = scalar(3);
  const Recording off(false);
  const Tensor y = x * x;
  EXPECT_TRUE(y.inputs().empty());
  EXPECT_FALSE(is_recording());
}

TEST(Autograd, DetachedValuesAreConstants) {
  const Tensor x = scalar(3);
  EXPECT_EQ(gradient(x * x.detach(), {x})[0].item(), 3);
}

TEST(Autograd, GraphsOfAHundredThousandOperationsAreWalkedAndReleased) {
  const Tensor x = scalar(1);
  Tensor y = x;
  for (int i = 0; i < 100'000; ++i) y = y + 1e-5;
  EXPECT_EQ(gradient(y, {x})[0].item(), 1);
}

TEST(Autograd, SeedOfAnotherShapeIsRefused) {
  const Tensor x = scalar(1);
  EXPECT_THROW(gradient(x * x, {x}, {.seed = Tensor::zeros({2}, DType::f64, cpu_backend())}), Error);
}

TEST(Autograd, ShapesThatDoNotFitAreNamed) {
  const Tensor a = Tensor::zeros({2, 3}, DType::f64, cpu_backend()), b = Tensor::zeros({4}, DType::f64, cpu_backend());
  try {
    a + b;
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "add: shapes (2, 3) and (4) do not broadcast");
  }
}

// A small convolutional network in training mode: second derivatives through everything at once.
TEST(Autograd, HessianVectorProductOfANetwork) {
  Backend& cpu = cpu_backend();
  const Tensor images = normal({4, 6, 6, 3}, 1, 1, DType::f64, cpu);
  const Tensor labels = Tensor::from({4}, std::vector<std::int32_t>{0, 2, 1, 4}, cpu);
  const auto loss = [&](const Tensors& p) {
    Tensor h = batch_norm_training(conv2d(images, p[0], {.stride = 1, .padding = 1}), p[1], p[2], {}, {.relu = true}).y;
    const Tensor r = conv2d(h, p[3], {.stride = 1, .padding = 1});
    h = batch_norm_training(r, p[1], p[2], h, {.relu = true}).y;
    h = average_pool2d(h, {.kernel = 6, .stride = 6});
    return mean(softmax_cross_entropy(linear(reshape(h, {4, -1}), p[4], p[5]), labels));
  };
  const std::vector<Shape> shapes{{8, 3, 3, 3}, {8}, {8}, {8, 3, 3, 8}, {5, 8}, {5}};
  Tensors p, u, v;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    p.push_back((normal(shapes[i], 2, i, DType::f64, cpu) * 0.3 + (i == 1 ? 1.0 : 0.0)).detach());
    u.push_back(normal(shapes[i], 3, i, DType::f64, cpu));
    v.push_back(normal(shapes[i], 4, i, DType::f64, cpu));
  }
  const double step = 1e-5;
  Tensors ahead, behind;
  for (std::size_t i = 0; i < p.size(); ++i) {
    ahead.push_back((p[i] + v[i] * step).detach());
    behind.push_back((p[i] - v[i] * step).detach());
  }
  const Tensors product = hessian_vector_product(loss(p), p, v);
  const Tensors up = gradient(loss(ahead), ahead), down = gradient(loss(behind), behind);
  double error = 0, scale = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto actual = product[i].to_vector<double>();
    const auto numeric = ((up[i] - down[i]) / (2 * step)).to_vector<double>();
    for (std::size_t j = 0; j < actual.size(); ++j) {
      const double difference = std::fabs(actual[j] - numeric[j]);
      if (!(difference <= error)) error = difference;
      scale = std::fmax(scale, std::fabs(actual[j]));
    }
  }
  EXPECT_LE(error, 1e-6 * scale);
  const double uHv = dot(u, product).item(), vHu = dot(v, hessian_vector_product(loss(p), p, u)).item();
  EXPECT_LE(std::fabs(uHv - vHu), 1e-10 * std::fmax(1, std::fabs(uHv)));
}

}  // namespace
}  // namespace basin
