#include "landscape/sharpness/expected_sharpness.h"

namespace basin {

ExpectedSharpness expected_sharpness(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                                     const ExpectedOptions& options) {
  check(options.sigma > 0, "expected sharpness: sigma ", options.sigma);
  check(options.samples >= 1, "expected sharpness: expected at least 1 sample, found ", options.samples);
  const std::vector<double> at_center = loss.terms(center);
  std::vector<double> rises, mean_rise(at_center.size(), 0);  // of each pair; of each image
  for (std::int64_t i = 0; i < options.samples; ++i) {
    const Tensor e = coordinates.displacement(
        normal_probe(coordinates.type, options.seed, "expected sharpness", static_cast<std::uint64_t>(i)));
    const std::vector<double> there = loss.terms(sum_of(center, options.sigma, e)),
                              opposite = loss.terms(sum_of(center, -options.sigma, e));
    std::vector<double> pair(at_center.size());
    for (std::size_t k = 0; k < pair.size(); ++k) {
      pair[k] = (there[k] + opposite[k]) / 2 - at_center[k];
      mean_rise[k] += pair[k] / static_cast<double>(options.samples);
    }
    rises.push_back(mean_of(pair));
  }
  return {estimate_of(std::span<const double>(rises)), estimate_of(std::span<const double>(mean_rise)).error};
}

}  // namespace basin
