// Residual networks for small images (He et al. 2016, section 4.2; Zagoruyko, Komodakis 2016), each with or without its
// shortcuts.
#pragma once
#include "models/scope.h"

namespace basin {

struct ResNet {
  std::vector<std::int64_t> blocks;  // per stage; every stage but the first halves the image
  std::vector<std::int64_t> widths;  // per stage; the stem has the first one
  bool bottleneck = false;           // blocks of 1x1, 3x3, 1x1 convolutions with 4 * width outputs
  bool shortcut = true;              // false: no addition and no projection; a block still ends in a relu
  std::int64_t classes = 10;
};

// (depth - 2) / 6 basic blocks in each of three stages of 16, 32 and 64 times `widen` filters. Error unless
// depth = 6 n + 2.
ResNet cifar_resnet(std::int64_t depth, std::int64_t widen = 1);
// Depths 18, 34 (basic blocks), 50, 101 and 152 (bottlenecks) in four stages of 64 to 512 filters; Error for others.
ResNet imagenet_resnet(std::int64_t depth);

// x (N, H, W, 3) -> (N, classes); H = W, a multiple of 2^(stages - 1).
Tensor resnet(const Scope& s, const Tensor& x, const ResNet& net);

}  // namespace basin
