// VGG networks for small images (Simonyan, Zisserman 2015, table 1).
#pragma once
#include "models/scope.h"

namespace basin {

struct Vgg {
  std::vector<std::vector<std::int64_t>> stages = {};  // filters of the 3x3 convolutions before each 2x2 max pool
  bool batch_norm = true;                              // after each convolution, which has a bias all the same
  std::int64_t hidden = 0;  // outputs of a linear layer + batch norm before the classifier; 0: none
  std::int64_t classes = 10;
};

// The nine-layer network of the paper: 7 convolutions and a hidden linear layer of 256.
Vgg vgg9();
// Depths 11, 13, 16 and 19: one linear layer after the convolutions; Error for others.
Vgg vgg(std::int64_t depth, bool batch_norm);

// x (N, H, W, 3) -> (N, classes); H and W multiples of 2^stages.
Tensor vgg(const Scope& s, const Tensor& x, const Vgg& net);

}  // namespace basin
