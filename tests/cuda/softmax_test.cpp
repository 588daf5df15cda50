#include "cuda/kernels/softmax.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

const std::vector<Shape> kShapes = {{1, 1}, {3, 31}, {5, 32}, {4, 33}, {2, 1021}, {31, 10}, {128, 10}, {7, 100}};

float plain_log_sum_exp(const float* x, std::size_t classes) {
  const float greatest = *std::max_element(x, x + classes);
  float sum = 0;
  for (std::size_t c = 0; c < classes; ++c) sum += std::exp(x[c] - greatest);
  return greatest + std::log(sum);
}

// f(row's logits, its log-sum-exp, row, class or 0) for each row.
template <class F>
void for_rows(const std::vector<float>& logits, std::size_t classes, const F& f) {
  for (std::size_t n = 0; n < logits.size() / classes; ++n)
    f(&logits[n * classes], plain_log_sum_exp(&logits[n * classes], classes), n);
}

KernelInput logits_of(const Shape& shape) { return normal_input(shape, 0, 1, 3); }

TEST(CudaSoftmax, LogSoftmaxMatchesFloat64) {
  for (const Shape& shape : kShapes)
    check_emulated(
        "log_softmax", {logits_of(shape)}, {shape},
        [](const ConstViews& in, const Views& out) { log_softmax(Stream(), in[0], out[0]); },
        [](const ConstViews& in, const Views& out) { cpu.log_softmax(in[0], out[0]); },
        [classes = static_cast<std::size_t>(shape[1])](const Lists<float>& in) {
          std::vector<float> y;
          for_rows(in[0], classes, [&](const float* x, float norm, std::size_t) {
            for (std::size_t c = 0; c < classes; ++c) y.push_back(x[c] - norm);
          });
          return Lists<float>{y};
        });
}

TEST(CudaSoftmax, CrossEntropyMatchesFloat64) {
  for (const Shape& shape : kShapes)
    for (const float smoothing : {0.0f, 0.125f}) {
      const auto classes = static_cast<std::size_t>(shape[1]);
      check_emulated(
          "softmax_cross_entropy", {logits_of(shape), index_input({shape[0]}, classes)}, {{shape[0]}},
          [=](const ConstViews& in, const Views& out) {
            softmax_cross_entropy(Stream(), in[0], in[1], smoothing, out[0]);
          },
          [=](const ConstViews& in, const Views& out) { cpu.softmax_cross_entropy(in[0], in[1], smoothing, out[0]); },
          [=](const Lists<float>& in) {
            std::vector<float> loss;
            for_rows(in[0], classes, [&](const float* x, float norm, std::size_t n) {
              float others = 0;
              for (std::size_t c = 0; c < classes; ++c) others += norm - x[c];
              loss.push_back((1 - smoothing) * (norm - x[static_cast<std::size_t>(in[1][n])]) +
                             smoothing / static_cast<float>(classes) * others);
            });
            return Lists<float>{loss};
          });
    }
}

TEST(CudaSoftmax, CrossEntropyGradientMatchesFloat64) {
  for (const Shape& shape : kShapes)
    for (const float smoothing : {0.0f, 0.125f}) {
      const auto classes = static_cast<std::size_t>(shape[1]);
      check_emulated(
          "softmax_cross_entropy_gradient",
          {logits_of(shape), index_input({shape[0]}, classes), normal_input({shape[0]}, 2)}, {shape},
          [=](const ConstViews& in, const Views& out) {
            softmax_cross_entropy_gradient(Stream(), in[0], in[1], smoothing, in[2], out[0]);
          },
          [=](const ConstViews& in, const Views& out) {
            cpu.softmax_cross_entropy_gradient(in[0], in[1], smoothing, in[2], out[0]);
          },
          [=](const Lists<float>& in) {
            std::vector<float> grad;
            for_rows(in[0], classes, [&](const float* x, float norm, std::size_t n) {
              for (std::size_t c = 0; c < classes; ++c) {
                const bool own = c == static_cast<std::size_t>(in[1][n]);
                const float target = smoothing / static_cast<float>(classes) + (own ? 1 - smoothing : 0.0f);
                grad.push_back(in[2][n] * (std::exp(x[c] - norm) - target));
              }
            });
            return Lists<float>{grad};
          });
    }
}

TEST(CudaSoftmax, LargeLogitsDoNotOverflow) {
  const DeviceArray<float> logits({2, 3}, {1000, 1001, 1002, -1000, -1001, -1002}), loss({2});
  const DeviceArray<std::int32_t> labels({2}, {2, 2});
  softmax_cross_entropy(Stream(), logits.view(), labels.view(), 0, loss.view());
  EXPECT_NEAR(loss.values()[0], 0.40760596, 1e-6);
  EXPECT_NEAR(loss.values()[1], 2.40760596, 1e-6);
}

TEST(CudaSoftmax, LabelsOutsideTheClassesMakeNan) {
  const DeviceArray<float> logits({3, 2}, {1, 2, 1, 2, 1, 2}), loss({3}), ones({3}, {1, 1, 1}), grad({3, 2});
  const DeviceArray<std::int32_t> labels({3}, {-1, 0, 2});
  softmax_cross_entropy(Stream(), logits.view(), labels.view(), 0, loss.view());
  softmax_cross_entropy_gradient(Stream(), logits.view(), labels.view(), 0, ones.view(), grad.view());
  for (const int n : {0, 1, 2}) {
    EXPECT_EQ(std::isnan(loss.values()[n]), n != 1) << n;
    EXPECT_EQ(std::isnan(grad.values()[2 * n]), n != 1) << n;
  }
}

TEST(CudaSoftmax, RefusesWhatDoesNotFit) {
  const DeviceArray<float> logits({2, 3}, std::vector<float>(6, 1)), loss({2});
  const DeviceArray<std::int32_t> labels({3}, {0, 1, 2});
  expect_error([&] { softmax_cross_entropy(Stream(), logits.view(), labels.view(), 0, loss.view()); },
               {"labels (3) for 2 rows"});
}

}  // namespace
}  // namespace basin::cuda
