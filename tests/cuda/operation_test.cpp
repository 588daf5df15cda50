// Every operation of the table on the CUDA back end, emulated, in float32: value, gradient and Hessian-vector product
// against the CPU's in float64.
#include <gtest/gtest.h>

#include <cmath>

#include "core/backend.h"
#include "core/random.h"
#include "cuda/cuda_backend.h"
#include "tests/core/operation_table.h"

namespace basin {
namespace {

constexpr double kLimit = 2e-5;  // relative to the largest element of the tensor

// What is computed of one row of the table on one back end in one type.
class Evaluation {
 public:
  Evaluation(const OperationCase& row, DType type, Backend& backend) : row_(row), type_(type), backend_(backend) {}

  // Value, gradients and Hessian-vector products of sum_i r_i y_i + y_i^2 / 2, which has curvature of its own.
  Tensors operator()() const {
    const Tensors x = drawn(row_.name), v = drawn("direction");
    Tensors results{row_.function(x)};
    for (const Tensor& g : gradient(scalar(x), x)) results.push_back(g);
    for (const Tensor& h : hessian_vector_product(scalar(x), x, v)) results.push_back(h);
    return results;
  }

 private:
  // The same float values for every type.
  Tensors drawn(const std::string& name) const {
    Tensors result;
    for (std::size_t i = 0; i < row_.inputs.size(); ++i) {
      const Random random(9, random_stream(name, i));
      std::vector<float> values(static_cast<std::size_t>(row_.inputs[i].count()));
      for (std::size_t j = 0; j < values.size(); ++j)
        values[j] = static_cast<float>(row_.positive ? 0.5 + 2 * random.uniform(j) : random.normal(j));
      const Tensor single = Tensor::from(row_.inputs[i], values, backend_);
      result.push_back(type_ == DType::f32 ? single : cast(single, type_).detach());
    }
    return result;
  }
  Tensor scalar(const Tensors& x) const {
    const Tensor y = row_.function(x);
    const Tensor r = normal(y.shape(), 5, random_stream("weights of the scalar"), y.dtype(), backend_);
    return sum(y * r + y * y * 0.5);
  }

  const OperationCase& row_;
  DType type_;
  Backend& backend_;
};

class CudaOperationTest : public testing::TestWithParam<OperationCase> {};

TEST_P(CudaOperationTest, FollowsTheCpuInDouble) {
  const OperationCase& row = GetParam();
  const Tensors found = Evaluation(row, DType::f32, cuda::cuda_backend(0))();
  const Tensors exact = Evaluation(row, DType::f64, cpu_backend())();
  ASSERT_EQ(found.size(), exact.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].shape(), exact[i].shape());
    EXPECT_EQ(found[i].backend().name(), "cuda:0");
    const auto single = found[i].to_vector<float>();
    const auto real = exact[i].to_vector<double>();
    double greatest = 1;
    for (const double value : real) greatest = std::fmax(greatest, std::fabs(value));
    const std::size_t inputs = row.inputs.size();
    for (std::size_t j = 0; j < real.size(); ++j)
      ASSERT_LE(std::fabs(static_cast<double>(single[j]) - real[j]), kLimit * greatest)
          << (i == 0        ? "value"
              : i <= inputs ? "gradient of input " + std::to_string(i - 1)
                            : "Hessian-vector product of input " + std::to_string(i - 1 - inputs))
          << ", element " << j << ": found " << single[j] << ", exact " << real[j];
  }
}

std::string test_name(const testing::TestParamInfo<OperationCase>& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Table, CudaOperationTest, testing::ValuesIn(operation_table()), test_name);

}  // namespace
}  // namespace basin
