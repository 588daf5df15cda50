// Normalisation kernels of the CPU back end against plain loops.
#include "tests/core/kernel_check.h"

namespace basin {
namespace {

Backend& cpu = cpu_backend();

using Views = std::vector<ConstView>;
using Outputs = std::vector<View>;

const std::vector<Shape> kShapes = {{1, 1},         {2, 31},          {33, 32},       {7, 33},
                                    {3, 5, 7, 16},  {128, 10},        {5, 8, 8, 64},  {2, 3, 3, 2003},
                                    {3, 32, 32, 3}, {31, 16, 16, 16}, {9, 16, 16, 48}};

Shape channels_of(const Shape& x) { return {x.back()}; }

template <class T>
T rectified(T value, bool relu) {
  return relu ? std::max(value, T{0}) : value;
}

TEST(CpuBackend, ChannelAffineMatchesPlainLoop) {
  for (const Shape& x : kShapes)
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true})
        check_kernel(
            "channel_affine",
            {normal_input(x, 0), normal_input(channels_of(x), 1), normal_input(channels_of(x), 2), normal_input(x, 3)},
            {x},
            [&](const Views& in, const Outputs& out) {
              cpu.channel_affine(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, relu, out[0]);
            },
            [&]<class T>(const Lists<T>& in) {
              std::vector<T> y;
              for (std::size_t i = 0; i < in[0].size(); ++i) {
                const std::size_t c = i % in[1].size();
                y.push_back(rectified(in[0][i] * in[1][c] + in[2][c] + (with_residual ? in[3][i] : T{0}), relu));
              }
              return Lists<T>{y};
            });
}

template <class T>
struct PlainStatistics {
  PlainStatistics(const std::vector<T>& x, std::size_t channels) : mean(channels), variance(channels) {
    const T rows = static_cast<T>(x.size() / channels);
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % channels] += x[i] / rows;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const T d = x[i] - mean[i % channels];
      variance[i % channels] += d * d / rows;
    }
  }
  std::vector<T> mean, variance;
};

void check_batch_norm(const Shape& x, double mean, const BatchNorm& options, bool with_residual) {
  const Shape c = channels_of(x);
  check_kernel(
      "batch_norm_training", {normal_input(x, 0, mean), normal_input(c, 1), normal_input(c, 2), normal_input(x, 3)},
      {x, c, c},
      [&](const Views& in, const Outputs& out) {
        cpu.batch_norm_training(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, options, out[0], out[1], out[2]);
      },
      [&]<class T>(const Lists<T>& in) {
        const PlainStatistics<T> s(in[0], in[1].size());
        std::vector<T> y;
        for (std::size_t i = 0; i < in[0].size(); ++i) {
          const std::size_t k = i % in[1].size();
          const T xhat = (in[0][i] - s.mean[k]) / std::sqrt(s.variance[k] + static_cast<T>(options.epsilon));
          y.push_back(rectified(xhat * in[1][k] + in[2][k] + (with_residual ? in[3][i] : T{0}), options.relu));
        }
        return Lists<T>{y, s.mean, s.variance};
      });
}

TEST(CpuBackend, BatchNormTrainingMatchesPlainLoop) {
  for (const Shape& x : kShapes)
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true}) check_batch_norm(x, 0.5, {.relu = relu}, with_residual);
}

TEST(CpuBackend, BatchNormVarianceIsRightFarFromZero) {
  const Shape x = {31, 16, 16, 16};
  const KernelInput input = normal_input(x, 0, 1000);
  const auto found = run_kernel<float>({input}, {x, {16}, {16}}, [&](const Views& in, const Outputs& out) {
    const std::vector<float> ones(16, 1.f), zeros(16);
    cpu.batch_norm_training(in[0], {ones.data(), DType::f32, {16}}, {zeros.data(), DType::f32, {16}}, nullptr, {},
                            out[0], out[1], out[2]);
  });
  const PlainStatistics<double> exact(input.values, 16);
  for (std::size_t c = 0; c < 16; ++c) {
    EXPECT_NEAR(found[1][c], exact.mean[c], 1e-7 * exact.mean[c]);
    EXPECT_NEAR(found[2][c], exact.variance[c], 1e-6 * exact.variance[c]);
  }
  for (std::size_t i = 0; i < found[0].size(); ++i)
    ASSERT_NEAR(found[0][i], (input.values[i] - exact.mean[i % 16]) / std::sqrt(exact.variance[i % 16] + 1e-5), 1e-6);
}

// Inputs: x, gamma, grad_output, y. The statistics are those of x, in the precision under test.
template <class T>
Lists<T> plain_batch_norm_gradient(const Lists<T>& in, const BatchNorm& options) {
  const std::size_t channels = in[1].size();
  const T rows = static_cast<T>(in[0].size() / channels);
  const std::vector<T>&mean = in[4], &variance = in[5];
  std::vector<T> g, xhat, grad_x, grad_gamma(channels), grad_beta(channels);
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    const std::size_t c = i % channels;
    g.push_back(options.relu && in[3][i] <= 0 ? T{0} : in[2][i]);
    xhat.push_back((in[0][i] - mean[c]) / std::sqrt(variance[c] + static_cast<T>(options.epsilon)));
    grad_beta[c] += g[i];
    grad_gamma[c] += g[i] * xhat[i];
  }
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    const std::size_t c = i % channels;
    grad_x.push_back(in[1][c] / std::sqrt(variance[c] + static_cast<T>(options.epsilon)) *
                     (g[i] - grad_beta[c] / rows - xhat[i] * grad_gamma[c] / rows));
  }
  return Lists<T>{grad_x, grad_gamma, grad_beta, g};
}

TEST(CpuBackend, BatchNormGradientMatchesPlainLoop) {
  for (const Shape& x : kShapes)
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true}) {
        const Shape c = channels_of(x);
        KernelInput variance = normal_input(c, 5, 4, 0.5), y = normal_input(x, 3);
        for (double& v : y.values) v = std::max(v, 0.0);
        const BatchNorm options{.relu = relu};
        check_kernel(
            "batch_norm_gradient",
            {normal_input(x, 0), normal_input(c, 1), normal_input(x, 2), y, normal_input(c, 4), variance},
            with_residual ? std::vector<Shape>{x, c, c, x} : std::vector<Shape>{x, c, c},
            [&](const Views& in, const Outputs& out) {
              cpu.batch_norm_gradient(in[0], in[3], in[1], in[4], in[5], in[2], options, out[0], out[1], out[2],
                                      with_residual ? &out[3] : nullptr);
            },
            [&](const auto& in) { return plain_batch_norm_gradient(in, options); });
      }
}

}  // namespace
}  // namespace basin
