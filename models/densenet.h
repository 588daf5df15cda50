// Densely connected networks for small images (Huang et al. 2017), with bottlenecks and compression (DenseNet-BC).
#pragma once
#include "models/scope.h"

namespace basin {

struct DenseNet {
  std::vector<std::int64_t> blocks{6, 12, 24, 16};  // layers per dense block; the default is DenseNet-121
  std::int64_t growth = 32;                         // channels that a layer adds
  std::int64_t classes = 10;
};

// x (N, H, W, 3) -> (N, classes); H = W, a multiple of 2^(blocks - 1).
Tensor densenet(const Scope& s, const Tensor& x, const DenseNet& net);

}  // namespace basin
