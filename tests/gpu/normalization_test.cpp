// Normalisations and losses on the device. Values per channel, and all of losses, are f32.
#include "tests/gpu/device_check.h"

namespace basin::gpu {
namespace {

using cuda::kFloatTypes;
constexpr DType kFloat = DType::f32;

std::vector<Shape> shapes() {
  std::vector<Shape> rows{{2, 31}, {33, 32}, {3, 5, 7, 16}, {5, 4, 4, 64}, {2, 3, 3, 67}, {3, 9, 9, 3}};
  if (!small_shapes())
    rows.insert(rows.end(), {{128, 32, 32, 16},
                             {128, 16, 16, 32},
                             {128, 8, 8, 64},
                             {1024, 8, 8, 64},
                             {97, 32, 32, 3},
                             {128, 2, 2, 512},
                             {128, 256},
                             {31, 16, 16, 48}});
  return rows;
}

Shape channels_of(const Shape& x) { return {x.back()}; }
double rows_of(const Shape& x) { return static_cast<double>(x.count() / x.back()); }

TEST(GpuNormalization, ChannelAffine) {
  for (const Shape& x : shapes())
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true})
        for (const DType t : kFloatTypes)
          check_on_device({.name = "channel_affine",
                           .inputs = {normal_input(x, 0), normal_input(channels_of(x), 1),
                                      normal_input(channels_of(x), 2), normal_input(x, 3)},
                           .outputs = {x},
                           .kernel =
                               [&](Backend& b, const auto& in, const auto& out) {
                                 b.channel_affine(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, relu, out[0]);
                               },
                           .types = {{t, kFloat, kFloat, t}, {t}}});
}

TEST(GpuNormalization, BatchNormTraining) {
  for (const Shape& x : shapes())
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true})
        for (const DType t : kFloatTypes) {
          const Shape c = channels_of(x);
          const BatchNorm options{.relu = relu};
          check_on_device(
              {.name = "batch_norm_training",
               .inputs = {normal_input(x, 0, 0.5), normal_input(c, 1), normal_input(c, 2), normal_input(x, 3)},
               .outputs = {x, c, c},
               .kernel =
                   [&](Backend& b, const auto& in, const auto& out) {
                     b.batch_norm_training(in[0], in[1], in[2], with_residual ? &in[3] : nullptr, options, out[0],
                                           out[1], out[2]);
                   },
               .types = {{t, kFloat, kFloat, t}, {t, kFloat, kFloat}},
               .terms = std::sqrt(rows_of(x))});
        }
}

// Inputs: x, y, gamma, mean, variance, grad_output. y is not of this x; only its sign matters.
TEST(GpuNormalization, BatchNormGradient) {
  for (const Shape& x : shapes())
    for (const bool relu : {false, true})
      for (const bool with_residual : {false, true})
        for (const DType t : kFloatTypes) {
          const Shape c = channels_of(x);
          KernelInput variance = normal_input(c, 5, 4, 0.5), y = normal_input(x, 3);
          for (double& v : variance.values) v = std::abs(v) + 0.5;
          for (double& v : y.values) v = std::max(v, 0.0);
          const BatchNorm options{.relu = relu};
          check_on_device(
              {.name = "batch_norm_gradient",
               .inputs = {normal_input(x, 0), y, normal_input(c, 1), normal_input(c, 4), variance, normal_input(x, 2)},
               .outputs = with_residual ? std::vector<Shape>{x, c, c, x} : std::vector<Shape>{x, c, c},
               .kernel =
                   [&](Backend& b, const auto& in, const auto& out) {
                     b.batch_norm_gradient(in[0], in[1], in[2], in[3], in[4], in[5], options, out[0], out[1], out[2],
                                           with_residual ? &out[3] : nullptr);
                   },
               .types = {{t, t, kFloat, kFloat, kFloat, t}, {t, kFloat, kFloat, t}},
               .terms = rows_of(x)});
        }
}

// ---- losses

std::vector<Shape> logit_shapes() {
  std::vector<Shape> rows{{1, 1}, {7, 10}, {33, 2}, {3, 33}, {2, 127}};
  if (!small_shapes()) rows.insert(rows.end(), {{1024, 10}, {128, 100}, {97, 1000}});
  return rows;
}

TEST(GpuLosses, LogSoftmax) {
  for (const Shape& logits : logit_shapes())
    check_on_device({.name = "log_softmax",
                     .inputs = {normal_input(logits, 0, 0, 3)},
                     .outputs = {logits},
                     .kernel = [](Backend& b, const auto& in, const auto& out) { b.log_softmax(in[0], out[0]); }});
}

TEST(GpuLosses, SoftmaxCrossEntropyAndItsGradient) {
  for (const Shape& logits : logit_shapes())
    for (const double smoothing : {0.0, 0.1}) {
      const Shape rows{logits[0]};
      const KernelInput x = normal_input(logits, 0, 0, 3),
                        labels = index_input(rows, static_cast<std::uint64_t>(logits[1]));
      check_on_device({.name = "softmax_cross_entropy",
                       .inputs = {x, labels},
                       .outputs = {rows},
                       .kernel = [&](Backend& b, const auto& in,
                                     const auto& out) { b.softmax_cross_entropy(in[0], in[1], smoothing, out[0]); },
                       .terms = static_cast<double>(logits[1])});
      check_on_device(
          {.name = "softmax_cross_entropy_gradient",
           .inputs = {x, labels, normal_input(rows, 1)},
           .outputs = {logits},
           .kernel = [&](Backend& b, const auto& in,
                         const auto& out) { b.softmax_cross_entropy_gradient(in[0], in[1], smoothing, in[2], out[0]); },
           .terms = static_cast<double>(logits[1])});
    }
}

}  // namespace
}  // namespace basin::gpu
