// Sharpness of Keskar, Mudigere, Nocedal, Smelyanskiy, Tang 2017, metric 2.1 (equations 3 and 4): how much the loss f
// rises in a small box around the network x, in % of 1 + f(x),
//
//   100 * (max_{y in C} f(x + A y) - f(x)) / (1 + f(x)),   C = {y: |y_i| <= epsilon (|(A^+ x)_i| + 1)},
//
// with A the identity, or an (n, p) matrix of random columns: here standard normal elements, so that an element of the
// network moves by about epsilon sqrt(p) where in the full space it moves by epsilon.
#pragma once
#include "landscape/sharpness/ascent.h"

namespace basin {

struct KeskarOptions {
  double epsilon = 1e-3;        // the paper's, and 5e-4
  std::int64_t dimensions = 0;  // p; 0: the full space
  AscentOptions ascent = {};    // the paper: ten iterations of L-BFGS-B from one start
};

struct KeskarSharpness {
  double value = 0;         // %; a lower bound: the maximum is what the ascent found; NaN where it found nothing finite
  double spread = 0;        // %, between the best and the worst start
  double images_error = 0;  // %, the standard error over images at the point found, linear in their deviations; NaN for
                            // a single image
  std::int64_t gradients = 0;
};

KeskarSharpness keskar_sharpness(const MeanLoss& loss, const Tensor& center, const KeskarOptions& options);

}  // namespace basin
