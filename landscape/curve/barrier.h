// How far the loss rises on the way between two networks.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "landscape/estimate.h"
#include "landscape/measurement.h"
#include "landscape/prepared_images.h"
#include "models/registry.h"

namespace basin {

// barrier = max_t v(t) - ((1 - t) v(0) + t v(1))  (Entezari et al. 2022; Frankle et al. 2020 take the mean of the ends
// instead of the line between them). It is 0 where the values never rise above that line.
struct Barrier {
  double height = 0;
  double error = 0;  // standard error of the excess at this t, over images; 0 at the ends, where the excess is 0
  double t = 0;      // of the maximum, the first of equal ones
};

// Of values at t_0 = 0 < t_1 < ... < t_n = 1. A value that is not a number is the maximum: its height is NaN.
// `error` stays 0.
Barrier barrier_of(std::span<const double> t, std::span<const double> values);

// The mean of inside[i] - ((1 - t) first[i] + t last[i]) over the images i, and its standard error: what the three
// networks' values have in common, image by image, cancels.
Estimate paired_excess(std::span<const double> first, std::span<const double> inside, std::span<const double> last,
                       double t);

// Loss and correctness of each image by a network in eval mode, in float32, on the back end of its state.
std::vector<ImageLoss> image_losses(const Model& model, const State& state, const PreparedImages& images,
                                    Objective objective);

}  // namespace basin
