#include "landscape/sharpness/mean_loss.h"

#include <numeric>

namespace basin {

MeanLoss mean_loss(const LossFunction& loss) {
  return {[&loss](const Tensor& point) { return loss.image_losses(point); },
          [&loss](const Tensor& point) { return loss.value_and_gradient(point); }};
}

double mean_of(const std::vector<double>& terms) {
  check(!terms.empty(), "sharpness: a loss without terms");
  return std::accumulate(terms.begin(), terms.end(), 0.0) / static_cast<double>(terms.size());
}

Estimate paired_difference(const std::vector<double>& moved, const std::vector<double>& center) {
  check(moved.size() == center.size(), "sharpness: ", moved.size(), " terms at one point, ", center.size(),
        " at the other");
  std::vector<double> differences(moved.size());
  for (std::size_t i = 0; i < moved.size(); ++i) differences[i] = moved[i] - center[i];
  return estimate_of(std::span<const double>(differences));
}

}  // namespace basin
