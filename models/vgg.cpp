#include "models/vgg.h"

#include <map>

namespace basin {

Vgg vgg9() { return {.stages = {{64, 64}, {128, 128}, {256, 256, 256}}, .hidden = 256}; }

Vgg vgg(std::int64_t depth, bool batch_norm) {
  static const std::map<std::int64_t, std::vector<std::int64_t>> convolutions{// table 1, columns A, B, D, E
                                                                              {11, {1, 1, 2, 2, 2}},
                                                                              {13, {2, 2, 2, 2, 2}},
                                                                              {16, {2, 2, 3, 3, 3}},
                                                                              {19, {2, 2, 4, 4, 4}}};
  const std::vector<std::int64_t> widths{64, 128, 256, 512, 512};
  const auto found = convolutions.find(depth);
  check(found != convolutions.end(), "vgg: depth ", depth, " is none of 11, 13, 16, 19");
  Vgg net{.batch_norm = batch_norm};
  for (std::size_t stage = 0; stage < widths.size(); ++stage)
    net.stages.emplace_back(static_cast<std::size_t>(found->second[stage]), widths[stage]);
  return net;
}

Tensor vgg(const Scope& s, const Tensor& x, const Vgg& net) {
  Tensor y = x;
  const Scope features = s / "features";
  int index = 0;  // PyTorch numbers the modules of a Sequential, the relu and the pool too
  for (const std::vector<std::int64_t>& stage : net.stages) {
    for (const std::int64_t filters : stage) {
      y = features.conv(std::to_string(index++), y, {.filters = filters, .bias = true, .relu = !net.batch_norm});
      if (net.batch_norm) y = features.batch_norm(std::to_string(index++), y, {.relu = true});
      ++index;
    }
    y = max_pool2d(y, {});
    ++index;
  }
  if (net.hidden > 0) {
    y = s.linear("fc.0", y, {.outputs = net.hidden});
    y = s.batch_norm("fc.1", y, {.relu = true});
  }
  return s.linear("classifier", y, {.outputs = net.classes});
}

}  // namespace basin
