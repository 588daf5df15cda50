#include "landscape/estimate.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "landscape/measurement.h"

namespace basin {

Estimate estimate_of(std::span<const double> samples) {
  check(!samples.empty(), "estimate: no samples");
  const auto count = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / count;
  double deviations = 0;
  for (const double sample : samples) deviations += (sample - mean) * (sample - mean);
  return {mean, standard_error(deviations, count)};
}

Estimate estimate_of(std::span<const BlockValue> blocks) {
  double images = 0, sum = 0;
  for (const BlockValue& block : blocks) {
    images += static_cast<double>(block.images);
    sum += static_cast<double>(block.images) * block.mean;
  }
  const double mean = sum / images;
  double deviations = 0;
  for (const BlockValue& block : blocks)
    deviations += static_cast<double>(block.images) * (block.mean - mean) * (block.mean - mean);
  const double error = std::sqrt(deviations / images / static_cast<double>(blocks.size() - 1));
  return {mean, blocks.size() > 1 ? error : std::numeric_limits<double>::quiet_NaN()};
}

}  // namespace basin
