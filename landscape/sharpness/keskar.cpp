#include "landscape/sharpness/keskar.h"

#include <cmath>

#include "core/operations.h"

namespace basin {
namespace {

// epsilon (|x_i| + 1)
Tensor bounds_of(const Tensor& x, double epsilon) {
  const Recording off(false);
  return (abs(x) + 1.0) * epsilon;
}

// Of the ratio r = mean(moved - center) / (1 + mean(center)): the mean of its residuals has the ratio's error, to first
// order.
double ratio_error(const std::vector<double>& moved, const std::vector<double>& center, double ratio) {
  const double base = 1 + mean_of(center);
  std::vector<double> residuals(moved.size());
  for (std::size_t i = 0; i < moved.size(); ++i) residuals[i] = (moved[i] - center[i] - ratio * (1 + center[i])) / base;
  return estimate_of(std::span<const double>(residuals)).error;
}

}  // namespace

KeskarSharpness keskar_sharpness(const MeanLoss& loss, const Tensor& center, const KeskarOptions& options) {
  check(options.epsilon > 0, "keskar sharpness: epsilon ", options.epsilon);
  Coordinates coordinates = plain_coordinates(type_of(center));
  Tensor origin = center;  // in the coordinates
  if (options.dimensions > 0) {
    const RandomSubspace subspace(type_of(center), options.dimensions, options.ascent.seed);
    coordinates = subspace.coordinates();
    origin = subspace.preimage(center);
  }
  const AscentResult found = ascend(loss, center, coordinates, box(bounds_of(origin, options.epsilon)), options.ascent);
  const std::vector<double> at_center = loss.terms(center),
                            moved = loss.terms(sum_of(center, 1, coordinates.displacement(found.at)));
  const double base = 1 + mean_of(at_center), ratio = (mean_of(moved) - mean_of(at_center)) / base;
  if (std::isnan(found.value)) return {found.value, found.spread, found.value, found.gradients};
  return {100 * ratio, 100 * found.spread / base, 100 * ratio_error(moved, at_center, ratio), found.gradients};
}

}  // namespace basin
