// The loss of an image from its logits, by the lanes of a warp.
#pragma once
#include <cmath>

#include "cuda/grid/outcome.h"
#include "cuda/kernels/warp_reduce.cuh"

namespace basin::cuda {

struct LossOfImage {
  float loss;
  std::uint8_t outcome;  // bits of Outcome, without kOverflowed
};

// logits(c), c < classes: as landscape/measurement.h defines loss and correctness, in double from f32 logits, rounded
// once. All lanes of the warp; every one gets the result.
template <class Logits>
__device__ LossOfImage image_loss(const Logits& logits, int classes, int label, bool squared_error, int lane) {
  const float own = logits(label);
  float most = -INFINITY;
  bool beaten = own != own, finite = true;
  for (int c = lane; c < classes; c += 32) {
    const float logit = logits(c);
    most = std::fmax(most, logit);
    beaten = beaten || !(c < label ? logit < own : logit <= own);
    finite = finite && logit - logit == 0;
  }
  most = warp_reduce(most, [](float a, float b) { return std::fmax(a, b); });
  const auto add = [](double a, double b) { return a + b; };
  double sum = 0;
  for (int c = lane; c < classes; c += 32) sum += std::exp(static_cast<double>(logits(c)) - most);
  sum = warp_reduce(sum, add);
  double loss = std::log(sum) + most - own;
  if (squared_error) {
    double squares = 0;
    for (int c = lane; c < classes; c += 32) {
      const double error = std::exp(static_cast<double>(logits(c)) - most) / sum - (c == label ? 1 : 0);
      squares = std::fma(error, error, squares);
    }
    loss = warp_reduce(squares, add) / classes;
  }
  const bool correct = __ballot_sync(0xffffffffu, beaten) == 0, all = __ballot_sync(0xffffffffu, !finite) == 0;
  return {static_cast<float>(loss),
          static_cast<std::uint8_t>((correct ? Outcome::kCorrect : 0) | (all ? 0 : Outcome::kNotFinite))};
}

}  // namespace basin::cuda
