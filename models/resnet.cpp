#include "models/resnet.h"

#include <map>

namespace basin {
namespace {

constexpr std::int64_t kExpansion = 4;  // outputs of a bottleneck per unit of width

// What the last batch norm of a block adds: x itself, or its projection where the block changes the shape.
Tensor shortcut(const Scope& s, const Tensor& x, std::int64_t filters, std::int64_t stride) {
  if (stride == 1 && x.dim(3) == filters) return x;
  const Tensor y = s.conv("shortcut.0", x, {.filters = filters, .kernel = 1, .stride = stride});
  return s.batch_norm("shortcut.1", y);
}

Tensor basic_block(const Scope& s, const Tensor& x, std::int64_t width, std::int64_t stride, bool add) {
  Tensor y = s.conv("conv1", x, {.filters = width, .stride = stride});
  y = s.batch_norm("bn1", y, {.relu = true});
  y = s.conv("conv2", y, {.filters = width});
  s.declare_batch_norm("bn2", y);
  const Tensor residual = add ? shortcut(s, x, width, stride) : Tensor();
  return s.batch_norm("bn2", y, {.relu = true, .residual = residual});
}

Tensor bottleneck_block(const Scope& s, const Tensor& x, std::int64_t width, std::int64_t stride, bool add) {
  Tensor y = s.conv("conv1", x, {.filters = width, .kernel = 1});
  y = s.batch_norm("bn1", y, {.relu = true});
  y = s.conv("conv2", y, {.filters = width, .stride = stride});
  y = s.batch_norm("bn2", y, {.relu = true});
  y = s.conv("conv3", y, {.filters = kExpansion * width, .kernel = 1});
  s.declare_batch_norm("bn3", y);
  const Tensor residual = add ? shortcut(s, x, kExpansion * width, stride) : Tensor();
  return s.batch_norm("bn3", y, {.relu = true, .residual = residual});
}

}  // namespace

ResNet cifar_resnet(std::int64_t depth, std::int64_t widen) {
  check(depth >= 8 && (depth - 2) % 6 == 0, "resnet: depth ", depth, " is not 6 n + 2");
  check(widen >= 1, "resnet: the widening factor is ", widen, ", expected at least 1");
  const std::int64_t n = (depth - 2) / 6;
  return {.blocks = {n, n, n}, .widths = {16 * widen, 32 * widen, 64 * widen}};
}

ResNet imagenet_resnet(std::int64_t depth) {
  static const std::map<std::int64_t, std::vector<std::int64_t>> blocks{// He et al. 2016, table 1
                                                                        {18, {2, 2, 2, 2}},
                                                                        {34, {3, 4, 6, 3}},
                                                                        {50, {3, 4, 6, 3}},
                                                                        {101, {3, 4, 23, 3}},
                                                                        {152, {3, 8, 36, 3}}};
  const auto found = blocks.find(depth);
  check(found != blocks.end(), "resnet: depth ", depth, " is none of 18, 34, 50, 101, 152");
  return {.blocks = found->second, .widths = {64, 128, 256, 512}, .bottleneck = depth >= 50};
}

Tensor resnet(const Scope& s, const Tensor& x, const ResNet& net) {
  Tensor y = s.conv("conv1", x, {.filters = net.widths.front()});
  y = s.batch_norm("bn1", y, {.relu = true});
  for (std::size_t stage = 0; stage < net.blocks.size(); ++stage) {
    const Scope layer = s / ("layer" + std::to_string(stage + 1));
    for (std::int64_t i = 0; i < net.blocks[stage]; ++i) {
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const auto block = net.bottleneck ? bottleneck_block : basic_block;
      y = block(layer / std::to_string(i), y, net.widths[stage], stride, net.shortcut);
    }
  }
  y = average_pool2d(y, {.kernel = y.dim(1), .stride = y.dim(1)});
  return s.linear("linear", y, {.outputs = net.classes});
}

}  // namespace basin
