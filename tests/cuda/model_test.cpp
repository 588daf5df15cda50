// Networks on the CUDA back end, emulated, against the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "core/backend.h"
#include "core/random.h"
#include "cuda/cuda_backend.h"
#include "models/registry.h"

namespace basin {
namespace {

Tensor moved(const Tensor& tensor, Backend& backend) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.size()) * size_of(tensor.dtype()));
  tensor.copy_to_host(bytes.data());
  return Tensor::from_bytes(tensor.shape(), tensor.dtype(), bytes.data(), backend);
}

std::vector<double> doubles(const Tensor& tensor) {
  return cast(moved(tensor, cpu_backend()), DType::f64).detach().to_vector<double>();
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::fmax(result, std::fabs(value));
  return result;
}

// Largest |found - exact|; NaN if any difference is.
double largest_error(const std::vector<double>& found, const std::vector<double>& exact) {
  EXPECT_EQ(found.size(), exact.size());
  double result = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double error = std::fabs(found[i] - exact[i]);
    if (!(error <= result)) result = error;
  }
  return result;
}

// A model with the values of one initial state, on one back end in one type; images and labels drawn likewise.
class Network {
 public:
  Network(const Model& model, std::int64_t images, DType type, Backend& backend)
      : model_(model), state_(initialize(model, 3, cpu_backend())) {
    for (Entry& entry : state_.entries()) {
      if (entry.role == Role::batches_tracked) continue;
      // Deviations from the initial values, or classifiers and affine parameters would be next to nothing.
      const Tensor noise =
          normal(entry.value.shape(), 4, random_stream(entry.name), entry.value.dtype(), cpu_backend());
      const double share = entry.role == Role::weight ? 0.02 : entry.role == Role::running_variance ? 0 : 0.1;
      entry.value = moved(cast(entry.value + noise * share, type).detach(), backend);
    }
    Shape shape = model.image;
    shape.insert(shape.begin(), images);
    x_ = moved(cast(normal(shape, 5, random_stream("images"), DType::f32, cpu_backend()), type).detach(), backend);
    std::vector<std::int32_t> labels;
    for (std::int64_t n = 0; n < images; ++n) labels.push_back(static_cast<std::int32_t>(3 * n % model.classes));
    labels_ = Tensor::from({images}, labels, backend);
  }

  Tensor logits(Mode mode) { return forward(model_, state_, x_, mode); }
  Tensors gradients() {
    const Tensors parameters = state_.parameters();
    return gradient(mean(softmax_cross_entropy(logits(Mode::train), labels_)), parameters);
  }
  const State& state() const { return state_; }

 private:
  const Model& model_;
  State state_;
  Tensor x_, labels_;
};

TEST(CudaModel, Resnet20FollowsTheCpu) {
  const Model model = find_model("resnet20");
  const auto exact = doubles(Network(model, 1, DType::f64, cpu_backend()).logits(Mode::evaluate));
  const auto found = doubles(Network(model, 1, DType::f32, cuda::cuda_backend(0)).logits(Mode::evaluate));
  ASSERT_GT(largest(exact), 0.01);
  EXPECT_LE(largest_error(found, exact), 1e-5 * largest(exact));
}

// Each gradient as near to that of float64 as four times the CPU's float32 is, and the statistics with them.
TEST(CudaModel, Resnet20TrainsAsTheCpuDoes) {
  Model model = find_model("resnet20");
  model.image = {8, 8, 3};
  Network exact(model, 2, DType::f64, cpu_backend()), cpu(model, 2, DType::f32, cpu_backend()),
      cuda(model, 2, DType::f32, cuda::cuda_backend(0));
  const Tensors real = exact.gradients(), single = cpu.gradients(), found = cuda.gradients();
  for (std::size_t i = 0; i < real.size(); ++i) {
    const std::vector<double> expected = doubles(real[i]);
    EXPECT_LE(largest_error(doubles(found[i]), expected),
              4 * largest_error(doubles(single[i]), expected) + 1e-5 * largest(expected))
        << "parameter " << i << " " << real[i].shape();
  }
  for (const Entry& entry : exact.state().entries()) {
    if (entry.role != Role::running_mean && entry.role != Role::running_variance) continue;
    const std::vector<double> expected = doubles(entry.value);
    EXPECT_LE(largest_error(doubles(cuda.state()[entry.name]), expected), 1e-5 * std::fmax(1, largest(expected)))
        << entry.name;
  }
}

// As a graph, run twice, in memory that its intermediate values share: the same bits.
TEST(CudaModel, RecordedGradientsAreTheSame) {
  Model model = find_model("resnet20");
  model.image = {8, 8, 3};
  Backend& backend = cuda::cuda_backend(0);
  const Tensors expected = Network(model, 2, DType::f32, backend).gradients();
  Network network(model, 2, DType::f32, backend);
  const State before = network.state();  // which the graph reads, and training replaces
  Tensors recorded;
  const auto work = backend.record([&] { recorded = network.gradients(); });
  for (int run = 0; run < 2; ++run) {
    work->run();
    for (std::size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(recorded[i].to_vector<float>(), expected[i].to_vector<float>()) << "parameter " << i << ", run " << run;
  }
}

// ---- half precision

class CudaHalfPrecision : public testing::TestWithParam<DType> {};

// Convolution, batch norm + residual + relu, pool and linear layer; loss and gradients, from inputs that are rounded to
// the type; results in f64.
std::vector<std::vector<double>> block(DType type, DType rounding) {
  Backend& backend = cuda::cuda_backend(0);
  const auto drawn = [&](const Shape& shape, std::uint64_t index, double deviation) {
    const Tensor values = normal(shape, 6, index, DType::f32, backend) * deviation;
    return cast(cast(values, rounding), type).detach();
  };
  const auto channels = [&](std::uint64_t index) { return normal({8}, 6, index, DType::f32, backend) * 0.1 + 1; };
  const Tensors in{drawn({4, 6, 6, 5}, 0, 1), drawn({8, 3, 3, 5}, 1, 0.2), channels(2).detach(),
                   channels(3).detach(),      drawn({4, 6, 6, 8}, 4, 1),   drawn({10, 8}, 5, 0.5)};
  const Tensor y = conv2d(in[0], in[1], {.stride = 1, .padding = 1});
  const Tensor z = batch_norm_training(y, in[2], in[3], in[4], {.relu = true}).y;
  const Tensor pooled = reshape(average_pool2d(z, {.kernel = 6, .stride = 6}), {4, 8});
  const Tensor logits = cast(linear(pooled, in[5]), DType::f32);
  const Tensor losses =
      softmax_cross_entropy(logits, Tensor::from<std::int32_t>({4}, std::vector<std::int32_t>{1, 9, 0, 4}, backend));
  std::vector<std::vector<double>> results{doubles(logits), doubles(losses)};
  for (const Tensor& g : gradient(mean(losses), in)) results.push_back(doubles(g));
  return results;
}

TEST_P(CudaHalfPrecision, BlockFollowsSinglePrecision) {
  const auto half = block(GetParam(), GetParam()), single = block(DType::f32, GetParam());
  const double unit = GetParam() == DType::f16 ? 0x1p-11 : 0x1p-8;  // of rounding
  for (std::size_t i = 0; i < half.size(); ++i) {
    ASSERT_GT(largest(single[i]), 0);
    EXPECT_LE(largest_error(half[i], single[i]), 8 * unit * largest(single[i])) << "result " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CudaHalfPrecision, testing::Values(DType::f16, DType::bf16),
                         [](const auto& row) { return std::string(name_of(row.param)); });

}  // namespace
}  // namespace basin
