// Local entropy (Chaudhari, Choromanska, Soatto, LeCun, et al. 2017, equation 3): how much room of low loss L lies
// around the network w,
//
//   F(w; gamma) = log integral exp(-beta (L(w') + gamma / 2 |w - w'|^2)) dw',
//
// where the inverse temperature beta is 1 in the paper. Of it the Gaussian's own part, n / 2 log(2 pi / (beta gamma)),
// is the same for all networks of n parameters and would hide the rest; what is estimated is
//
//   G = F - n / 2 log(2 pi / (beta gamma)) = log E[exp(-beta L(w'))],  w' ~ N(w, 1 / (beta gamma)),
//
// in nats; -G / beta is a loss: the soft minimum over a neighbourhood of standard deviation 1 / sqrt(beta gamma). For L
// quadratic with gradient g and curvatures h_i along its axes,
//
//   G = -beta L(w) + sum_i (beta g_i^2 / (gamma + h_i) - log(1 + h_i / gamma)) / 2.
//
// By thermodynamic integration (Kirkwood 1935; Gelman, Meng 1998) from the Gaussian, lambda = 0, to the whole weight,
// lambda = 1:
//
//   G = -beta integral_0^1 E_lambda[L] d lambda,  p_lambda(w') ~ exp(-beta (lambda L(w') + gamma / 2 |w - w'|^2)).
//
// E_lambda[L] falls with lambda (its derivative is -beta Var_lambda[L]), steeply near 0 where curvatures exceed gamma;
// with lambda = t^3 the integrand is smooth, and the 15 nodes of the Gauss-Kronrod rule (Piessens et al. 1983) in t
// suffice: to 1e-6 of G for h = 100 gamma, 1e-4 for 1000, 2e-3 for 10000.
#pragma once
#include <cstdint>
#include <span>

#include "landscape/sharpness/langevin.h"

namespace basin {

struct LocalEntropyOptions {
  double gamma = 10;  // per unit of squared distance, in units of the loss
  // 1 / temperature. With the number of images, exp(-beta L) is the likelihood of their labels, and G the log evidence
  // of a Bayesian network whose prior is the Gaussian.
  double beta = 1;
  std::int64_t steps = 200;  // kept of each of the chains
  std::uint64_t seed = 1;
};

constexpr std::size_t kEntropyNodes = 15;

// What one chain finds.
struct EntropyNode {
  Estimate loss;          // E_lambda[L] and its standard error (sequence_mean)
  double acceptance = 0;  // of its steps
  double drift = 0;       // of its losses (SequenceMean)
};
// A chain that drifts by more has not settled: its mean is not yet that of its distribution.
constexpr double kMostDrift = 3;

// lambda of node `index`, ascending.
double entropy_lambda(std::size_t index);
// 3 / 2 `steps` gradients.
EntropyNode entropy_node(const MeanLoss& loss, const Tensor& center, std::size_t index,
                         const LocalEntropyOptions& options);

struct LocalEntropy {
  double value = 0;           // G, nats
  double sampling_error = 0;  // standard error of the chains together
  double quadrature_error =
      0;                 // |Kronrod's value - that of the 7 Gauss nodes among its own|: far above the rule's error
  double error() const;  // the two, as independent
  std::int64_t unsettled = 0;  // chains with a drift above kMostDrift: more steps are needed
};

// All kEntropyNodes of them, in order.
LocalEntropy local_entropy(std::span<const EntropyNode> nodes, double beta);

}  // namespace basin
