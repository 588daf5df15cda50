// The loss that sharpness is measured of: a mean over terms, such as a network's over images, as a function of a
// vector (n), f32 or f64 on any back end.
#pragma once
#include <functional>
#include <vector>

#include "landscape/estimate.h"
#include "landscape/loss_function.h"

namespace basin {

struct MeanLoss {
  std::function<std::vector<double>(const Tensor& point)> terms;            // of each image; their mean is the loss
  std::function<ValueAndGradient(const Tensor& point)> value_and_gradient;  // of the mean
};

// The network's, of which weight decay must not be part. `loss` outlives it.
MeanLoss mean_loss(const LossFunction& loss);

double mean_of(const std::vector<double>& terms);

// L(moved) - L(center), its standard error from the spread of the differences image by image: both points see the same
// images, whose own spread cancels. The images are taken as drawn at random; the two points, as given without them.
Estimate paired_difference(const std::vector<double>& moved, const std::vector<double>& center);

}  // namespace basin
