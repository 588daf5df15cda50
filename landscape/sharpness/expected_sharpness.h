// How much the loss rises on average under Gaussian noise of the parameters:
//
//   E[L(w + e)] - L(w),   e ~ N(0, sigma^2)   (Neyshabur, Bhojanapalli, McAllester, Srebro 2017)
//
// or e_i ~ N(0, sigma^2 w_i^2), relative to each weight (Dziugaite et al. 2020, magnitude-aware sharpness). To second
// order it is sigma^2 / 2 times the trace of the Hessian, or of W H W with W = diag(w).
#pragma once
#include <cstdint>
#include <functional>

#include "landscape/sharpness/coordinates.h"
#include "landscape/sharpness/mean_loss.h"

namespace basin {

struct ExpectedOptions {
  double sigma = 0.01;
  std::int64_t samples = 20;  // pairs e, -e: what is odd in e, such as the slope, cancels exactly
  std::uint64_t seed = 1;
};

struct ExpectedSharpness {
  Estimate estimate;        // over the noise: its error is the standard error over the pairs
  double images_error = 0;  // standard error over images of the rise that the drawn noise makes on average
};

// `coordinates`: plain_coordinates, or scaled_coordinates(element_scale(center)) for noise relative to each weight.
ExpectedSharpness expected_sharpness(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                                     const ExpectedOptions& options);

}  // namespace basin
