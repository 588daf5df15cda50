// How much the loss rises within a small ball around the network, of a fixed shape or of one that adapts to the
// weights:
//
//   max_{|T_w^-1 e|_2 <= rho} L(w + e) - L(w)
//
// with T_w = 1 (SAM: Foret, Kleiner, Mobahi, Neyshabur 2021, equation 1) or T_w = |w|, element- or filter-wise (ASAM:
// Kwon, Kim, Park, Choi 2021, definition 2), whose value does not change when layers are rescaled to the same function.
#pragma once
#include "landscape/sharpness/ascent.h"

namespace basin {

struct BallOptions {
  double rho = 0.05;  // SAM's usual; ASAM's 0.5
  AscentOptions ascent = {};
};

// Errors are standard errors over images at the points found, which were chosen on the same images.
struct BallSharpness {
  // At e = rho T^2 g / |T g|, g the gradient (Foret et al., equation 2; Kwon et al., section 4, with p = 2): the
  // largest rise of the linear part. 0 where the gradient is 0.
  Estimate one_step;
  // At the largest value that the ascent from there, and from random points, has found: no less than the former, and a
  // lower bound of the maximum. NaN where the loss or its gradient is finite at none of them.
  Estimate refined;
  double spread = 0;  // between the best and the worst start
  std::int64_t gradients = 0;
};

// `coordinates`: plain_coordinates for SAM, scaled_coordinates of element_scale or filter_scale for ASAM.
BallSharpness ball_sharpness(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                             const BallOptions& options);

}  // namespace basin
