#include "landscape/sharpness/ball_sharpness.h"

#include <cmath>

namespace basin {

BallSharpness ball_sharpness(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                             const BallOptions& options) {
  const auto moved = [&](const Tensor& u) { return loss.terms(sum_of(center, 1, coordinates.displacement(u))); };
  const Tensor slope = coordinates.pulled_back(loss.value_and_gradient(center).gradient);
  const double norm = length(slope);
  const Tensor step = scaled(slope, norm == 0 ? 0 : options.rho / norm);
  const AscentResult found =
      ascend(loss, center, coordinates, ball(coordinates.type, options.rho), options.ascent, step);
  const std::vector<double> at_center = loss.terms(center);
  const Estimate one_step = paired_difference(moved(step), at_center);
  // A start that found nothing finite is no maximum.
  const Estimate refined =
      std::isnan(found.value) ? Estimate{found.value, found.value} : paired_difference(moved(found.at), at_center);
  return {one_step, refined, found.spread, found.gradients + 1};
}

}  // namespace basin
