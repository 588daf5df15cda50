// From the losses of images to the few numbers of a point.
#pragma once
#include "core/tensor.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// What is known of a point; read by the host.
struct alignas(32) PointLosses {
  double mean = 0;                // of the losses; may be NaN or infinite: that is data
  double squared_deviations = 0;  // sum of (loss - mean)^2
  std::int32_t correct = 0;       // images
  std::int32_t not_finite = 0;    // images whose logits were not all finite
  std::int32_t overflowed = 0;    // images with an activation, and
  std::int32_t bad_weights = 0;   // threads of perturb() that met a weight, that 16 bits do not hold: evaluate again
  bool trusted() const { return overflowed == 0 && bad_weights == 0; }
};

// results[k] of loss (K, N) f32, outcome (K, N) u8 (outcome.h) and not_finite_weights (K) i32 of
// perturb(). N >= 1. Sums are in double and in an order that depends on N alone.
void mean_losses(Stream stream, const ConstView& loss, const ConstView& outcome, const ConstView& not_finite_weights,
                 PointLosses* results);

Cost mean_losses_cost(std::int64_t points, std::int64_t images);

}  // namespace basin::cuda
