#include "models/densenet.h"

namespace basin {
namespace {

// The new channels come first, as in the reference tool.
Tensor dense_layer(const Scope& s, const Tensor& x, std::int64_t growth) {
  Tensor y = s.batch_norm("bn1", x, {.relu = true});
  y = s.conv("conv1", y, {.filters = 4 * growth, .kernel = 1});
  y = s.batch_norm("bn2", y, {.relu = true});
  y = s.conv("conv2", y, {.filters = growth});
  return concat({y, x}, 3);
}

// Halves the channels and the image.
Tensor transition(const Scope& s, const Tensor& x) {
  Tensor y = s.batch_norm("bn", x, {.relu = true});
  y = s.conv("conv", y, {.filters = x.dim(3) / 2, .kernel = 1});
  return average_pool2d(y, {});
}

}  // namespace

Tensor densenet(const Scope& s, const Tensor& x, const DenseNet& net) {
  Tensor y = s.conv("conv1", x, {.filters = 2 * net.growth});
  for (std::size_t block = 0; block < net.blocks.size(); ++block) {
    if (block > 0) y = transition(s / ("trans" + std::to_string(block)), y);
    const Scope dense = s / ("dense" + std::to_string(block + 1));
    for (std::int64_t i = 0; i < net.blocks[block]; ++i) y = dense_layer(dense / std::to_string(i), y, net.growth);
  }
  y = s.batch_norm("bn", y, {.relu = true});
  y = average_pool2d(y, {.kernel = y.dim(1), .stride = y.dim(1)});
  return s.linear("linear", y, {.outputs = net.classes});
}

}  // namespace basin
