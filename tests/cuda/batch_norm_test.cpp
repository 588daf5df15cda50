#include "cuda/kernels/batch_norm.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

// Of strips of channels and of single ones, in one tile and several, in one part and several.
const std::vector<Shape> kShapes = {{1, 1},  {2, 31},   {33, 32}, {7, 33},       {1021, 3},
                                    {20, 1}, {2000, 5}, {5, 264}, {3, 5, 7, 16}, {16, 8, 8, 64}};

// f(type, shape, relu, whether there is a residual)
template <class F>
void for_cases(const F& f) {
  for (const DType type : kFloatTypes)
    for (const Shape& shape : kShapes)
      for (const bool relu : {false, true})
        for (const bool residual : {false, true}) f(type, shape, relu, residual);
}

Shape channels_of(const Shape& x) { return {x.back()}; }

float rectified(float value, bool relu) { return relu ? std::max(value, 0.0f) : value; }

TEST(CudaBatchNorm, ChannelAffineMatchesFloat64) {
  for_cases([](DType type, const Shape& x, bool relu, bool with_residual) {
    const Shape c = channels_of(x);
    check_emulated(
        "channel_affine", {normal_input(x, 0), normal_input(c, 1), normal_input(c, 2), normal_input(x, 3)}, {x},
        [&](const ConstViews& in, const Views& out) {
          channel_affine(Stream(), in[0], in[1], in[2], with_residual ? &in[3] : nullptr, relu, out[0]);
        },
        [&](const ConstViews& in, const Views& out) {
          cpu.channel_affine(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, relu, out[0]);
        },
        [&](const Lists<float>& in) {
          std::vector<float> y;
          for (std::size_t i = 0; i < in[0].size(); ++i) {
            const std::size_t k = i % in[1].size();
            y.push_back(rectified(in[0][i] * in[1][k] + in[2][k] + (with_residual ? in[3][i] : 0.0f), relu));
          }
          return Lists<float>{y};
        },
        {{type, DType::f32, DType::f32, type}, {type}});
  });
}

struct PlainStatistics {
  PlainStatistics(const std::vector<float>& x, std::size_t channels) : mean(channels), variance(channels) {
    const float rows = static_cast<float>(x.size() / channels);
    for (std::size_t i = 0; i < x.size(); ++i) mean[i % channels] += x[i];
    for (float& m : mean) m /= rows;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float d = x[i] - mean[i % channels];
      variance[i % channels] += d * d;
    }
    for (float& v : variance) v /= rows;
  }
  std::vector<float> mean, variance;
};

void check_training(DType type, const Shape& x, bool relu, bool with_residual) {
  const Shape c = channels_of(x);
  const BatchNorm options{.relu = relu};
  check_emulated(
      "batch_norm_training", {normal_input(x, 0, 2, 3), normal_input(c, 1), normal_input(c, 2), normal_input(x, 3)},
      {x, c, c},
      [&](const ConstViews& in, const Views& out) {
        batch_norm_training(Stream(), in[0], in[1], in[2], with_residual ? &in[3] : nullptr, options, out[0], out[1],
                            out[2]);
      },
      [&](const ConstViews& in, const Views& out) {
        cpu.batch_norm_training(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, options, out[0], out[1], out[2]);
      },
      [&](const Lists<float>& in) {
        const PlainStatistics batch(in[0], in[1].size());
        std::vector<float> y;
        for (std::size_t i = 0; i < in[0].size(); ++i) {
          const std::size_t k = i % in[1].size();
          const float xhat =
              (in[0][i] - batch.mean[k]) / std::sqrt(batch.variance[k] + static_cast<float>(options.epsilon));
          y.push_back(rectified(xhat * in[1][k] + in[2][k] + (with_residual ? in[3][i] : 0.0f), relu));
        }
        return Lists<float>{y, batch.mean, batch.variance};
      },
      {{type, DType::f32, DType::f32, type}, {type}});
}

TEST(CudaBatchNorm, TrainingMatchesFloat64) { for_cases(check_training); }

// A mean that is large against the deviation, and an outlier in the first row: where a sum of squares cancels.
TEST(CudaBatchNorm, StatisticsSurviveLargeMeansAndOutliers) {
  const std::int64_t rows = 3000;
  for (const std::int64_t channels : {3, 16})
    for (const bool outlier : {false, true}) {
      KernelInput x = normal_input({rows, channels}, 0, outlier ? 0 : 4096, 1);
      if (outlier)
        for (std::int64_t c = 0; c < channels; ++c) x.values[c] = 1e4;
      const DeviceArray<float> device({rows, channels}, stored_values<float>(x.values)), y({rows, channels}),
          mean({channels}), variance({channels}), ones({channels}, std::vector<float>(channels, 1));
      batch_norm_training(Stream(), device.view(), ones.view(), ones.view(), nullptr, {}, y.view(), mean.view(),
                          variance.view());
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0, squares = 0;
        for (std::int64_t r = 0; r < rows; ++r) sum += x.values[r * channels + c];
        const double exact = sum / static_cast<double>(rows);
        for (std::int64_t r = 0; r < rows; ++r)
          squares += (x.values[r * channels + c] - exact) * (x.values[r * channels + c] - exact);
        const double expected = squares / static_cast<double>(rows);
        // No value is further than sqrt(squares) from the mean.
        EXPECT_NEAR(mean.values()[c], exact, 0x1p-23 * (std::abs(exact) + std::sqrt(squares)));
        EXPECT_NEAR(variance.values()[c], expected, 1e-5 * expected);
      }
    }
}

Lists<float> plain_gradient(const Lists<float>& in, const BatchNorm& options) {
  const std::size_t channels = in[1].size();
  const float rows = static_cast<float>(in[0].size() / channels), epsilon = static_cast<float>(options.epsilon);
  const std::vector<float>&mean = in[4], &variance = in[5];
  std::vector<float> g, xhat, grad_x, grad_gamma(channels), grad_beta(channels);
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    const std::size_t c = i % channels;
    g.push_back(options.relu && in[3][i] <= 0 ? 0.0f : in[2][i]);
    xhat.push_back((in[0][i] - mean[c]) / std::sqrt(variance[c] + epsilon));
    grad_beta[c] += g[i];
    grad_gamma[c] += g[i] * xhat[i];
  }
  for (std::size_t i = 0; i < in[0].size(); ++i) {
    const std::size_t c = i % channels;
    grad_x.push_back(in[1][c] / std::sqrt(variance[c] + epsilon) *
                     (g[i] - grad_beta[c] / rows - xhat[i] * grad_gamma[c] / rows));
  }
  return {grad_x, grad_gamma, grad_beta, g};
}

void check_gradient(DType type, const Shape& x, bool relu, bool with_residual) {
  const Shape c = channels_of(x);
  KernelInput y = normal_input(x, 3);
  for (double& v : y.values) v = std::max(v, 0.0);
  const BatchNorm options{.relu = relu};
  const auto call = [&](const auto& gradient, const ConstViews& in, const Views& out) {
    gradient(in[0], in[3], in[1], in[4], in[5], in[2], options, out[0], out[1], out[2],
             with_residual ? &out[3] : nullptr);
  };
  check_emulated(
      "batch_norm_gradient",
      {normal_input(x, 0), normal_input(c, 1), normal_input(x, 2), y, normal_input(c, 4), normal_input(c, 5, 4, 0.5)},
      with_residual ? std::vector<Shape>{x, c, c, x} : std::vector<Shape>{x, c, c},
      [&](const ConstViews& in, const Views& out) {
        call([](const auto&... args) { batch_norm_gradient(Stream(), args...); }, in, out);
      },
      [&](const ConstViews& in, const Views& out) {
        call([](const auto&... args) { cpu.batch_norm_gradient(args...); }, in, out);
      },
      [&](const Lists<float>& in) { return plain_gradient(in, options); },
      {{type, DType::f32, type, type}, {type, DType::f32, DType::f32, type}});
}

TEST(CudaBatchNorm, GradientMatchesFloat64) { for_cases(check_gradient); }

// So many channels that there are no more parts, and a thread takes more rows.
TEST(CudaBatchNorm, ManyChannelsTrainingMatchesFloat64) { check_training(DType::f32, {70, 4097}, false, false); }

// run() launches so many kernels, which move what `cost` says.
template <class F>
void expect_traffic(const Cost& cost, std::uint64_t launches, const F& run) {
  simt::options().count_requests = true;
  simt::reset_counters();
  run();
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  EXPECT_EQ(counted.launches, launches);
  EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
  EXPECT_EQ(counted.shared_wavefronts, counted.shared_ideal_wavefronts);
}

// Layers of a ResNet.
template <class T>
void check_traffic(const Shape& x) {
  SCOPED_TRACE(::testing::PrintToString(x) + " " + std::string(name_of(dtype_of<T>)));
  const Shape c = channels_of(x);
  const std::int64_t rows = x.count() / x.back();
  const DeviceArray<T> in(x, stored_values<T>(normal_input(x, 0).values)), y(x), grad_x(x), grad_residual(x);
  const DeviceArray<float> ones(c, std::vector<float>(static_cast<std::size_t>(x.back()), 1)), mean(c), variance(c),
      grad_gamma(c), grad_beta(c);
  const ConstView residual = in.view();
  const View residual_view = grad_residual.view();
  expect_traffic(channel_affine_cost(dtype_of<T>, rows, x.back(), true), 1,
                 [&] { channel_affine(Stream(), in.view(), ones.view(), ones.view(), &residual, true, y.view()); });
  expect_traffic(batch_norm_training_cost(dtype_of<T>, rows, x.back(), true), 2, [&] {
    batch_norm_training(Stream(), in.view(), ones.view(), ones.view(), &residual, {.relu = true}, y.view(), mean.view(),
                        variance.view());
  });
  for (const bool relu : {false, true})
    expect_traffic(batch_norm_gradient_cost(dtype_of<T>, rows, x.back(), relu, true), 2, [&] {
      batch_norm_gradient(Stream(), in.view(), y.view(), ones.view(), mean.view(), variance.view(), in.view(),
                          {.relu = relu}, grad_x.view(), grad_gamma.view(), grad_beta.view(), &residual_view);
    });
}

TEST(CudaBatchNorm, MovesWhatItsCostSaysInWholeSectorsWithoutBankConflicts) {
  check_traffic<float16>({16, 32, 32, 16});
  check_traffic<bfloat16>({16, 8, 8, 64});
  check_traffic<float16>({4, 8, 8, 32});
  check_traffic<float>({4, 16, 16, 32});
  check_traffic<float>({4, 4, 4, 256});
}

// Beyond reading each operand once a launch: a fifth at most, on the first layers of a ResNet at batch 128.
TEST(CudaBatchNorm, MergingPartsMovesFewBytes) {
  const std::int64_t rows = 128 * 32 * 32, channels = 16;
  const double bytes = static_cast<double>(rows * channels * 2);
  EXPECT_LT(batch_norm_training_cost(DType::f16, rows, channels, false).bytes(), 1.2 * 3 * bytes);
  EXPECT_LT(batch_norm_gradient_cost(DType::f16, rows, channels, true, false).bytes(), 1.2 * 7 * bytes);
}

TEST(CudaBatchNorm, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({2, 3}, std::vector<float>(6, 1)), c({2}, {1, 1}), y({2, 3});
  expect_error([&] { channel_affine(Stream(), x.view(), c.view(), c.view(), nullptr, false, y.view()); },
               {"channel_affine", "(2) for 3 channels"});
  const DeviceArray<float16> half({2, 3}), three({3});
  const DeviceArray<float> three32({3}, {1, 1, 1});
  expect_error([&] { channel_affine(Stream(), x.view(), three32.view(), three32.view(), nullptr, false, half.view()); },
               {"channel_affine", "f16 (2, 3) does not fit x, f32 (2, 3)"});
  expect_error([&] { channel_affine(Stream(), x.view(), three.view(), three32.view(), nullptr, false, y.view()); },
               {"channel_affine", "f32 expected for each channel, found f16"});
  const DeviceArray<double> x64({2, 3}, std::vector<double>(6, 1)), y64({2, 3});
  expect_error(
      [&] { channel_affine(Stream(), x64.view(), three32.view(), three32.view(), nullptr, false, y64.view()); },
      {"channel_affine", "f32, f16 or bf16 expected, found f64"});
}

}  // namespace
}  // namespace basin::cuda
