// The stages of a plan that are no contractions, and what comes before and after all stages, at many points.
#pragma once
#include "core/objective.h"
#include "core/tensor.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y (N, H, W, D) = x (N, H, W, C) f32, rounded, then zeros from channel C on; f32, f16 or bf16.
void pad_channels(Stream stream, const ConstView& x, const View& y);

// A stage that goes from element to element of its buffers (points, images, H, W, C).
struct PointElements {
  std::int64_t points = 1, images = 1;
  std::int64_t pixels = 1, channels = 1;  // of an image: H W, C
  const void* x = nullptr;
  const void* residual = nullptr;  // null: none
  // Per channel; those of the next point follow after `stride` floats. Null: scale 1 and shift 0.
  const float *scale = nullptr, *shift = nullptr;
  std::int64_t stride = 0;
  bool relu = false;
  void* y = nullptr;                   // may be x or the residual
  std::int32_t* overflowed = nullptr;  // (points, images): counts up where a value of y is infinite or NaN
};
// y = relu?(x * scale[c] + shift[c] + residual?) of f32, f16 or bf16, in f32, rounded once. relu keeps NaN.
void transform_points(Stream stream, const PointElements& elements, DType type);

// sums of means += mean, sums of variances += variance * correction; f32 (C), f64 (C).
void add_statistics(Stream stream, const ConstView& mean, const ConstView& variance, double correction,
                    const View& mean_sums, const View& variance_sums);

// The losses of images first_image, ... of a set of `set_images`, at points first_point, ...
struct PointLogits {
  ConstView logits;                    // (points, images, classes) f32
  const std::int32_t* labels;          // (images)
  std::int32_t* overflowed = nullptr;  // (points, images); set to 0
  Objective objective = Objective::cross_entropy;
  std::int64_t first_point = 0, first_image = 0;
  View loss, outcome;  // (all points, set_images): f32, u8 (cuda/grid/outcome.h)
};
void point_losses(Stream stream, const PointLogits& in);

}  // namespace basin::cuda
