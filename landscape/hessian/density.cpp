#include "landscape/hessian/density.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace basin {
namespace {

std::pair<double, double> span_of(const std::vector<Quadrature>& probes) {
  check(!probes.empty() && !probes[0].nodes.empty(), "density: no probes");
  double low = probes[0].nodes[0], high = low;
  for (const Quadrature& probe : probes)
    for (const double node : probe.nodes) {
      low = std::min(low, node);
      high = std::max(high, node);
    }
  return {low, high};
}

double broadened(const Quadrature& probe, double at, double width) {
  double sum = 0;
  for (std::size_t k = 0; k < probe.nodes.size(); ++k) {
    const double u = (at - probe.nodes[k]) / width;
    sum += probe.weights[k] * std::exp(-u * u / 2);
  }
  return sum / (width * std::sqrt(2 * std::numbers::pi));
}

}  // namespace

Quadrature density_quadrature(const SymmetricOperator& apply, const VectorType& type, std::int64_t steps,
                              std::uint64_t seed, std::uint64_t index, const std::function<void()>& product_done) {
  Lanczos lanczos(apply, normal_probe(type, seed, "density probe", index), steps);
  while (lanczos.step())
    if (product_done) product_done();
  Quadrature result;
  for (const RitzValue& ritz : lanczos.ritz()) {
    result.nodes.push_back(ritz.value);
    result.weights.push_back(ritz.weight);
  }
  return result;
}

Estimate spectral_moment(const std::vector<Quadrature>& probes, int power) {
  std::vector<double> samples;
  for (const Quadrature& probe : probes) {
    double sum = 0;
    for (std::size_t k = 0; k < probe.nodes.size(); ++k) sum += probe.weights[k] * std::pow(probe.nodes[k], power);
    samples.push_back(sum);
  }
  return estimate_of(samples);
}

Density spectral_density(const std::vector<Quadrature>& probes, std::int64_t points, double width) {
  check(points >= 2, "density: ", points, " points");
  check(width > 0, "density: a width of ", width);
  const auto [low, high] = span_of(probes);
  const double first = low - 4 * width, last = high + 4 * width;
  Density result;
  result.width = width;
  for (std::int64_t i = 0; i < points; ++i) {
    const double at = first + (last - first) * static_cast<double>(i) / static_cast<double>(points - 1);
    std::vector<double> samples;
    for (const Quadrature& probe : probes) samples.push_back(broadened(probe, at, width));
    const Estimate estimate = estimate_of(samples);
    result.at.push_back(at);
    result.density.push_back(estimate.value);
    result.error.push_back(estimate.error);
  }
  return result;
}

double usual_width(const std::vector<Quadrature>& probes) {
  const auto [low, high] = span_of(probes);
  const double alike = 1e-12 * std::max(std::abs(low), std::abs(high));  // but for rounding
  return high - low > alike ? (high - low) / 100 : 1;
}

}  // namespace basin
