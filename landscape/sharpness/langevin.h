// Samples of a loss under a Gibbs distribution held near the network by a Gaussian.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "landscape/sharpness/mean_loss.h"

namespace basin {

struct LangevinOptions {
  double strength = 0;       // of the loss, >= 0
  double variance = 1;       // of the Gaussian, each element's
  std::int64_t steps = 200;  // kept; half as many before them find the distribution and the step size and are discarded
  std::uint64_t seed = 1, stream = 0;
};

struct LangevinChain {
  std::vector<double> losses;  // L after each step
  double acceptance = 0;       // share of the kept steps' proposals
  double step = 0;             // delta of the kept steps
};

// The chain of displacements x, from x = 0, whose stationary distribution is
//
//   p(x) ~ exp(-strength L(center + x) - |x|^2 / (2 variance)).
//
// A step proposes the Langevin step that is implicit in the Gaussian's part, with Phi = strength L and normal z of the
// Gaussian,
//
//   y = ((2 - delta) x - 2 delta variance grad Phi(x) + sqrt(8 delta) z) / (2 + delta),
//
// and accepts it by Metropolis and Hastings' rule (Cotter, Roberts, Stuart, White 2013, section 4: pCNL). Chaudhari et
// al. 2017 use stochastic gradient Langevin dynamics (Welling, Teh 2011), which accepts every step: its distribution is
// off by an amount that grows with the step size, and by the noise of minibatches. Here gradients are those of the
// whole set, and the acceptance, which needs the loss that comes with the gradient of the next step anyway, leaves no
// such bias. Where strength is 0 every step of delta = 2 is an independent draw; the acceptance does not fall with the
// number of parameters, as that of Langevin steps explicit in the Gaussian does. delta is set in the discarded part
// so that about 60 % are accepted. A proposal of a loss that is not finite is refused. Error if L is not finite at the
// center. One gradient a step.
LangevinChain langevin_chain(const MeanLoss& loss, const Tensor& center, const LangevinOptions& options);

struct SequenceMean {
  // The error is the standard error from the means of (at most) 20 equal batches (Flegal, Jones 2010), times the drift
  // where that is above 1: then half the difference between the two halves.
  Estimate estimate;
  // Half the difference between the means of the two halves, in such standard errors (after Geweke 1992): the size of a
  // standard normal variable where the sequence is stationary, larger where it has not settled. Then the mean may be
  // off by more than any error that the sequence itself shows.
  double drift = 0;
};
// Of a sequence with correlations. At least 4 values.
SequenceMean sequence_mean(std::span<const double> values);

}  // namespace basin
