#include "landscape/sharpness/local_entropy.h"

#include <array>
#include <cmath>

namespace basin {
namespace {

// The rule on (-1, 1), symmetric: nodes from the middle outwards, and the weights of the Gauss nodes among them.
struct Node {
  double at, kronrod, gauss;
};
constexpr std::array<Node, 8> kRule{{{0, 0.209482141084727828, 0.417959183673469388},
                                     {0.207784955007898468, 0.204432940075298892, 0},
                                     {0.405845151377397167, 0.190350578064785410, 0.381830050505118945},
                                     {0.586087235467691130, 0.169004726639267903, 0},
                                     {0.741531185599394440, 0.140653259715525919, 0.279705391489276668},
                                     {0.864864423359769073, 0.104790010322250184, 0},
                                     {0.949107912342758525, 0.063092092629978553, 0.129484966168869693},
                                     {0.991455371120812639, 0.022935322010529225, 0}}};

// Node `index` of all, ascending, on (0, 1).
Node node_at(std::size_t index) {
  check(index < kEntropyNodes, "local entropy: node ", index, " of ", kEntropyNodes);
  const bool right = index >= 7;
  const Node& node = kRule[right ? index - 7 : 7 - index];
  return {(right ? 1 + node.at : 1 - node.at) / 2, node.kronrod / 2, node.gauss / 2};
}

}  // namespace

double entropy_lambda(std::size_t index) { return std::pow(node_at(index).at, 3); }

EntropyNode entropy_node(const MeanLoss& loss, const Tensor& center, std::size_t index,
                         const LocalEntropyOptions& options) {
  check(options.gamma > 0, "local entropy: gamma ", options.gamma);
  check(options.beta > 0, "local entropy: beta ", options.beta);
  const LangevinChain chain = langevin_chain(loss, center,
                                             {.strength = entropy_lambda(index) * options.beta,
                                              .variance = 1 / (options.beta * options.gamma),
                                              .steps = options.steps,
                                              .seed = options.seed,
                                              .stream = index});
  const SequenceMean mean = sequence_mean(chain.losses);
  return {mean.estimate, chain.acceptance, mean.drift};
}

double LocalEntropy::error() const { return std::hypot(sampling_error, quadrature_error); }

LocalEntropy local_entropy(std::span<const EntropyNode> nodes, double beta) {
  check(nodes.size() == kEntropyNodes, "local entropy: ", nodes.size(), " nodes, expected ", kEntropyNodes);
  double kronrod = 0, gauss = 0, variance = 0;
  std::int64_t unsettled = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node node = node_at(i);
    const double slope = 3 * node.at * node.at;  // d lambda / d t
    kronrod += node.kronrod * slope * nodes[i].loss.value;
    gauss += node.gauss * slope * nodes[i].loss.value;
    if (!(nodes[i].drift <= kMostDrift)) ++unsettled;
    variance += std::pow(node.kronrod * slope * nodes[i].loss.error, 2);
  }
  return {-beta * kronrod, beta * std::sqrt(variance), beta * std::abs(kronrod - gauss), unsettled};
}

}  // namespace basin
