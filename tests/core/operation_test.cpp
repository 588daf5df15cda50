// Every operation: gradient and Hessian-vector product against central differences in float64, symmetry of the Hessian,
// float32 against float64, and bitwise repetition.
#include <gtest/gtest.h>

#include <cmath>

#include "core/backend.h"
#include "core/random.h"
#include "tests/core/operation_table.h"

namespace basin {
namespace {

constexpr double kStep = 1e-5;             // of the central differences
constexpr double kDifference = 1e-6;       // relative
constexpr double kSymmetry = 1e-10;        // relative
constexpr double kSinglePrecision = 2e-5;  // relative, of whole tensors

class OperationTest : public testing::TestWithParam<OperationCase> {
 protected:
  Tensors inputs(std::uint64_t seed) const {
    Tensors result;
    for (std::size_t i = 0; i < GetParam().inputs.size(); ++i) {
      const Shape& shape = GetParam().inputs[i];
      const Random random(seed, random_stream(GetParam().name, i));
      std::vector<double> values;
      for (std::int64_t j = 0; j < shape.count(); ++j) {
        const auto at = static_cast<std::uint64_t>(j);
        values.push_back(GetParam().positive ? 0.5 + 2 * random.uniform(at) : random.normal(at));
      }
      result.push_back(Tensor::from(shape, values, cpu_backend()));
    }
    return result;
  }
  Tensors directions(std::uint64_t seed) const {
    Tensors result;
    for (std::size_t i = 0; i < GetParam().inputs.size(); ++i)
      result.push_back(normal(GetParam().inputs[i], seed, random_stream("direction", i), DType::f64, cpu_backend()));
    return result;
  }
  // A scalar with curvature of its own, so that second derivatives of linear operations are tested too:
  // sum_i r_i y_i + y_i^2 / 2.
  Tensor scalar(const Tensors& in) const {
    const Tensor y = GetParam().function(in);
    const Tensor r = normal(y.shape(), 5, random_stream("weights of the scalar"), y.dtype(), cpu_backend());
    return sum(y * r + y * y * 0.5);
  }
};

Tensors moved(const Tensors& x, const Tensors& v, double step) {
  Tensors result;
  for (std::size_t i = 0; i < x.size(); ++i) result.push_back((x[i] + v[i] * step).detach());
  return result;
}

double largest(const Tensors& tensors) {
  double result = 0;
  for (const Tensor& tensor : tensors)
    for (const double value : tensor.to_vector<double>()) result = std::fmax(result, std::fabs(value));
  return result;
}

// Largest |a - b|; NaN if any difference is.
double distance(const Tensors& a, const Tensors& b) {
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = a[i].to_vector<double>(), y = b[i].to_vector<double>();
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double difference = std::fabs(x[j] - y[j]);
      if (!(difference <= result)) result = difference;
    }
  }
  return result;
}

TEST_P(OperationTest, GradientMatchesCentralDifferences) {
  const Tensors x = inputs(1);
  const Tensors g = gradient(scalar(x), x);
  const double scale = largest(g);
  ASSERT_GT(scale, 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(g[i].shape(), x[i].shape());
    const auto values = x[i].to_vector<double>();
    const auto analytic = g[i].to_vector<double>();
    const std::size_t stride = std::max<std::size_t>(1, values.size() / 61);  // all of small tensors, a sample of large
    for (std::size_t j = 0; j < values.size(); j += stride) {
      const auto loss_at = [&](double step) {
        Tensors shifted = x;
        std::vector<double> changed = values;
        changed[j] += step;
        shifted[i] = Tensor::from(x[i].shape(), changed, cpu_backend());
        return scalar(shifted).item();
      };
      const double numeric = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
      EXPECT_LE(std::fabs(numeric - analytic[j]), kDifference * std::fmax(scale, std::fabs(scalar(x).item())))
          << "input " << i << " element " << j << ": gradient " << analytic[j] << ", difference " << numeric;
    }
  }
}

TEST_P(OperationTest, HessianVectorProductMatchesDifferencesOfGradients) {
  const Tensors x = inputs(2), v = directions(3);
  const Tensors product = hessian_vector_product(scalar(x), x, v);
  const Tensors ahead = moved(x, v, kStep), behind = moved(x, v, -kStep);
  const Tensors up = gradient(scalar(ahead), ahead), down = gradient(scalar(behind), behind);
  Tensors numeric;
  for (std::size_t i = 0; i < x.size(); ++i) numeric.push_back((up[i] - down[i]) / (2 * kStep));
  const double scale = std::fmax(largest(product), largest(up));
  EXPECT_LE(distance(product, numeric), kDifference * scale);
}

TEST_P(OperationTest, HessianIsSymmetric) {
  const Tensors x = inputs(4), u = directions(5), v = directions(6);
  const double uHv = dot(u, hessian_vector_product(scalar(x), x, v)).item();
  const double vHu = dot(v, hessian_vector_product(scalar(x), x, u)).item();
  EXPECT_LE(std::fabs(uHv - vHu), kSymmetry * std::fmax(1, std::fabs(uHv)));
}

TEST_P(OperationTest, SinglePrecisionFollowsDouble) {
  const Tensors x = inputs(7);
  Tensors single;
  for (const Tensor& tensor : x) single.push_back(cast(tensor, DType::f32).detach());
  // The double side sees the rounded inputs, so that both compute the same function of the same numbers.
  Tensors exact;
  for (const Tensor& tensor : single) exact.push_back(cast(tensor, DType::f64).detach());
  Tensors actual{cast(GetParam().function(single), DType::f64)}, expected{GetParam().function(exact)};
  for (const Tensor& g : gradient(scalar(single), single)) actual.push_back(cast(g, DType::f64));
  for (const Tensor& g : gradient(scalar(exact), exact)) expected.push_back(g);
  for (std::size_t i = 0; i < actual.size(); ++i)
    EXPECT_LE(distance({actual[i]}, {expected[i]}), kSinglePrecision * std::fmax(1, largest({expected[i]})))
        << (i == 0 ? "value" : "gradient of input " + std::to_string(i - 1));
}

TEST_P(OperationTest, RepeatsBitForBit) {
  const auto run = [this] {
    const Tensors x = inputs(8);
    Tensors result = gradient(scalar(x), x);
    result.push_back(GetParam().function(x));
    return result;
  };
  const Tensors first = run(), second = run();
  EXPECT_EQ(distance(first, second), 0);
}

std::string test_name(const testing::TestParamInfo<OperationCase>& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, OperationTest, testing::ValuesIn(operation_table()), test_name);

}  // namespace
}  // namespace basin
