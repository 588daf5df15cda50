#include "landscape/pair_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "landscape/estimate.h"

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Of ascending values, linear between ranks; NaN where a value is not a number.
double quantile(const std::vector<double>& ascending, double share) {
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 == ascending.size()) return ascending.back();
  const double part = place - static_cast<double>(below);
  return part == 0 ? ascending[below] : (1 - part) * ascending[below] + part * ascending[below + 1];
}

using Set = std::optional<SurfaceValues> Surface::*;

void add_set(const std::vector<Surface>& pairs, Set set, const std::string& name, Surface& mean) {
  if (!(pairs[0].*set)) return;
  SurfaceValues& values = (mean.*set).emplace(mean.size());
  const char* const ends[] = {"sd", "min", "q10", "median", "q90", "max"};
  const double shares[] = {kNaN, 0, 0.1, 0.5, 0.9, 1};
  for (const char* end : ends) mean.further[name + "_loss_" + end].assign(mean.size(), kNaN);
  for (std::size_t point = 0; point < mean.size(); ++point) {
    std::vector<double> losses, accuracies;
    std::int64_t non_finite = 0;
    for (const Surface& pair : pairs) {
      const SurfaceValues& own = *(pair.*set);
      if (own.valid[point] == 0) continue;
      losses.push_back(own.loss[point]);
      accuracies.push_back(own.accuracy[point]);
      non_finite += own.non_finite[point];
    }
    if (losses.size() < pairs.size()) continue;
    const Estimate loss = estimate_of(std::span<const double>(losses)),
                   accuracy = estimate_of(std::span<const double>(accuracies));
    values.set(point, {loss.value, loss.error, accuracy.value, accuracy.error, non_finite});
    mean.further[name + "_loss_sd"][point] = loss.error * std::sqrt(static_cast<double>(losses.size()));
    if (std::any_of(losses.begin(), losses.end(), [](double v) { return std::isnan(v); })) continue;
    std::sort(losses.begin(), losses.end());
    for (std::size_t k = 1; k < std::size(ends); ++k)
      mean.further[name + "_loss_" + ends[k]][point] = quantile(losses, shares[k]);
  }
}

}  // namespace

Surface mean_surface(const std::vector<Surface>& pairs) {
  check(!pairs.empty(), "mean surface: no surfaces");
  for (const Surface& pair : pairs)
    check(pair.x == pairs[0].x && pair.y == pairs[0].y && pair.train.has_value() == pairs[0].train.has_value() &&
              pair.test.has_value() == pairs[0].test.has_value(),
          "mean surface: the surfaces are of different grids or image sets");
  Surface mean;
  mean.x = pairs[0].x;
  mean.y = pairs[0].y;
  add_set(pairs, &Surface::train, "train", mean);
  add_set(pairs, &Surface::test, "test", mean);
  return mean;
}

std::vector<Metric> mean_metrics(const std::vector<std::vector<Metric>>& pairs) {
  std::vector<Metric> result;
  for (const Metric& metric : pairs.at(0)) {
    std::vector<double> values;
    for (const std::vector<Metric>& own : pairs)
      for (const Metric& other : own)
        if (other.name == metric.name) values.push_back(other.value);
    if (values.size() < pairs.size()) continue;
    const Estimate estimate = estimate_of(std::span<const double>(values));
    result.push_back({metric.name, estimate.value, estimate.error, metric.unit, "pairs of directions"});
  }
  return result;
}

}  // namespace basin
