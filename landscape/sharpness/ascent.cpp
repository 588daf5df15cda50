#include "landscape/sharpness/ascent.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backend.h"
#include "core/operations.h"
#include "core/random.h"

namespace basin {
namespace {

constexpr const char* kStart = "ascent start";
constexpr double kArmijo = 1e-4;
// A promised rise of this share of the loss is lost in the rounding of f32 losses.
constexpr double kSmallestRise = 1e-9;

struct Climber {
  const MeanLoss& loss;
  const Tensor& center;
  const Coordinates& coordinates;
  const Neighbourhood& set;

  // In the coordinates.
  ValueAndGradient at(const Tensor& u) const {
    ValueAndGradient found = loss.value_and_gradient(sum_of(center, 1, coordinates.displacement(u)));
    found.gradient = coordinates.pulled_back(found.gradient);
    return found;
  }

  AscentResult climb(Tensor u, std::int64_t most) const {
    ValueAndGradient here = at(u);
    AscentResult result{u, here.value, 0, 1};
    double norm = length(here.gradient);
    if (!std::isfinite(here.value) || !std::isfinite(norm)) {
      result.value = std::numeric_limits<double>::quiet_NaN();
      return result;
    }
    double step = set.diameter / norm;
    while (result.gradients < most && std::isfinite(step)) {
      const Tensor next = set.nearest(sum_of(u, step, here.gradient));
      const double promised = inner_product(here.gradient, sum_of(next, -1, u));
      if (!(promised > kSmallestRise * std::abs(here.value))) break;  // a stationary point
      ValueAndGradient there = at(next);
      ++result.gradients;
      norm = length(there.gradient);
      if (std::isfinite(norm) && std::isfinite(there.value) && there.value >= here.value + kArmijo * promised) {
        u = next;
        here = std::move(there);
        // Far beyond the set's extent longer steps end at the same point.
        step = std::min(2 * step, 1e6 * set.diameter / norm);
      } else {
        step /= 2;
      }
    }
    result.at = u;
    result.value = here.value;
    return result;
  }
};

}  // namespace

Neighbourhood ball(const VectorType& type, double radius) {
  check(radius > 0, "sharpness: a ball of radius ", radius);
  const auto onto_sphere = [radius](const Tensor& u) { return scaled(u, radius / length(u)); };
  return {
      2 * radius, [=](const Tensor& u) { return length(u) > radius ? onto_sphere(u) : u; },
      [=](std::uint64_t seed, std::uint64_t index) { return onto_sphere(normal_probe(type, seed, kStart, index)); }};
}

Neighbourhood box(const Tensor& bounds) {
  return {2 * length(bounds),
          [bounds](const Tensor& u) {
            const Recording off(false);
            return minimum(maximum(u, -bounds), bounds);
          },
          [bounds](std::uint64_t seed, std::uint64_t index) {
            const Recording off(false);
            const Tensor share = Tensor::empty(bounds.shape(), bounds.dtype(), bounds.backend());
            bounds.backend().uniform(seed, random_stream(kStart, index), share.mutable_view());
            return (share * 2.0 - 1.0) * bounds;
          }};
}

AscentResult ascend(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                    const Neighbourhood& neighbourhood, const AscentOptions& options, const Tensor& first) {
  check(options.starts >= 1, "sharpness: expected at least 1 start, found ", options.starts);
  check(options.gradients >= 1, "sharpness: expected at least 1 gradient a start, found ", options.gradients);
  const Climber climber{loss, center, coordinates, neighbourhood};
  const VectorType& type = coordinates.type;
  AscentResult best;
  double smallest = std::numeric_limits<double>::quiet_NaN();
  std::int64_t gradients = 0;
  for (std::int64_t i = 0; i < options.starts; ++i) {
    Tensor start = first.defined() ? first : Tensor::zeros({type.size}, type.dtype, *type.backend);
    if (i > 0) start = neighbourhood.random(options.seed, static_cast<std::uint64_t>(i));
    const AscentResult found = climber.climb(start, options.gradients);
    gradients += found.gradients;
    smallest = std::fmin(smallest, found.value);
    if (i == 0 || std::isnan(best.value) || found.value > best.value) best = found;
  }
  best.spread = best.value - smallest;
  best.gradients = gradients;
  return best;
}

}  // namespace basin
