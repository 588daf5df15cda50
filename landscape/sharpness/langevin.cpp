#include "landscape/sharpness/langevin.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "landscape/hessian/probes.h"

namespace basin {
namespace {

constexpr double kWantedAcceptance = 0.6;  // near the best rate of Langevin proposals (Roberts, Rosenthal 1998)
constexpr double kLongestStep = 2;         // forgets where it came from
constexpr const char* kNoise = "langevin noise";

double mean_over(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

struct Place {
  Tensor x;  // displacement (n)
  double loss = 0;
  Tensor gradient;  // of the loss (n)
};

class Sampler {
 public:
  Sampler(const MeanLoss& loss, const Tensor& center, const LangevinOptions& options)
      : loss_(loss), center_(center), options_(options) {
    here_ = at(Tensor::zeros(center.shape(), center.dtype(), center.backend()));
    check(std::isfinite(here_.loss) && std::isfinite(length(here_.gradient)),
          "local entropy: the loss or its gradient is not finite at the network itself");
  }

  double loss() const { return here_.loss; }

  // The probability with which the proposal was accepted, and whether it was.
  struct Outcome {
    double probability;
    bool accepted;
  };
  Outcome step(double delta) {
    const auto index = static_cast<std::uint64_t>(step_++);
    Place there = at(proposal(delta, index));
    const double excess = action(here_, there, delta) - action(there, here_, delta);
    const double probability = excess >= 0 ? 1 : std::isnan(excess) ? 0 : std::exp(excess);
    const Random random(options_.seed, random_stream("langevin acceptance", options_.stream));
    const bool accepted = random.uniform(index) < probability;
    if (accepted) here_ = std::move(there);
    return {probability, accepted};
  }

 private:
  Place at(Tensor x) const {
    ValueAndGradient found = loss_.value_and_gradient(sum_of(center_, 1, x));
    return {std::move(x), found.value, std::move(found.gradient)};
  }

  Tensor proposal(double delta, std::uint64_t index) const {
    const Tensor z = normal_probe(type_of(center_), options_.seed, kNoise, (options_.stream << 32) + index);
    const Tensor drifted = sum_of(scaled(here_.x, (2 - delta) / (2 + delta)),
                                  -2 * delta * options_.variance * options_.strength / (2 + delta), here_.gradient);
    return sum_of(drifted, std::sqrt(8 * delta * options_.variance) / (2 + delta), z);
  }

  // rho(x, y) = Phi(x) + <y - x, grad Phi(x)> / 2 + delta / 4 <x + y, grad Phi(x)> + delta variance / 4 |grad Phi(x)|^2
  double action(const Place& from, const Place& to, double delta) const {
    const double along_from = inner_product(from.x, from.gradient), along_to = inner_product(to.x, from.gradient),
                 norm = length(from.gradient), strength = options_.strength;
    return strength * (from.loss + (along_to - along_from) / 2 + delta / 4 * (along_from + along_to) +
                       delta / 4 * options_.variance * strength * norm * norm);
  }

  const MeanLoss& loss_;
  const Tensor& center_;
  const LangevinOptions& options_;
  Place here_;
  std::int64_t step_ = 0;
};

}  // namespace

LangevinChain langevin_chain(const MeanLoss& loss, const Tensor& center, const LangevinOptions& options) {
  check(options.strength >= 0, "langevin: strength ", options.strength);
  check(options.variance > 0, "langevin: variance ", options.variance);
  check(options.steps >= 4, "langevin: expected at least 4 steps, found ", options.steps);
  Sampler sampler(loss, center, options);
  LangevinChain chain;
  chain.step = kLongestStep;
  for (std::int64_t i = 0; i < options.steps / 2; ++i) {
    // Robbins and Monro's iteration on log delta: large corrections first, so that a step far too long is soon found.
    const double gain = 4 / std::pow(static_cast<double>(i + 1), 0.6);
    const double off = sampler.step(chain.step).probability - kWantedAcceptance;
    chain.step = std::min(kLongestStep, chain.step * std::exp(gain * off));
  }
  for (std::int64_t i = 0; i < options.steps; ++i) {
    chain.acceptance += sampler.step(chain.step).accepted ? 1 : 0;
    chain.losses.push_back(sampler.loss());
  }
  chain.acceptance /= static_cast<double>(options.steps);
  return chain;
}

SequenceMean sequence_mean(std::span<const double> values) {
  check(values.size() >= 4, "sequence mean: expected at least 4 values, found ", values.size());
  const std::size_t batches = std::min<std::size_t>(20, values.size() / 2), length = values.size() / batches;
  std::vector<double> means;
  // Values that fill no batch are the first: what comes later is nearer to stationary.
  for (std::size_t begin = values.size() - batches * length; begin < values.size(); begin += length)
    means.push_back(mean_over(values.subspan(begin, length)));
  const double error = estimate_of(std::span<const double>(means)).error;
  const std::size_t half = values.size() / 2;
  const double shift = std::abs(mean_over(values.first(half)) - mean_over(values.last(half))) / 2;
  const double drift = shift == 0 ? 0 : shift / error;
  return {{mean_over(values), drift > 1 ? shift : error}, drift};
}

}  // namespace basin
