// What the resident kernel should compute, obviously.
#pragma once
#include <cmath>
#include <vector>

#include "landscape/fold.h"
#include "tests/cuda/grid_networks.h"
#include "tests/cuda/typed_values.h"

namespace basin::cuda {

// The network stage by stage in double, with the kernel's roundings: weights, images and what a relu makes become T.
template <class T>
class RoundedNetwork {
 public:
  RoundedNetwork(const GridNetwork& net, const PlanePoint& at) : plan_(net.plan), folded_(net.plan.stages.size()) {
    Folder folder(net.plane());
    for (std::size_t i = 0; i < folded_.size(); ++i) {
      if (plan_.stages[i].weight < 0) continue;
      folder.fold(plan_.stages[i], {at.alpha, at.beta}, folded_[i]);
      if (plan_.stages[i].kind == Stage::Kind::convolution)
        for (float& w : folded_[i].weight) w = to_float(stored<T>(w));
    }
  }

  std::vector<double> logits(const float* image) const {
    Lists<double> values(plan_.buffers.size());
    for (std::int64_t i = 0; i < plan_.buffers[0].count(); ++i) values[0].push_back(number(stored<T>(image[i])));
    for (std::size_t i = 0; i < plan_.stages.size(); ++i) run(plan_.stages[i], folded_[i], values);
    return values[static_cast<std::size_t>(plan_.logits)];
  }

 private:
  void run(const Stage& s, const Folded& folded, Lists<double>& values) const {
    const auto in = static_cast<std::size_t>(s.inputs[0]), out = static_cast<std::size_t>(s.output);
    const Shape &from = plan_.buffers[in], &to = plan_.buffers[out];
    const std::vector<double>& x = values[in];
    std::vector<double>& y = values[out];
    if (s.kind == Stage::Kind::average_pool) {
      y.assign(static_cast<std::size_t>(from[2]), 0);
      for (std::size_t i = 0; i < x.size(); ++i) y[i % y.size()] += x[i] / 64;
      return;
    }
    if (s.kind == Stage::Kind::linear) {
      for (std::size_t k = 0; k < folded.shift.size(); ++k) {
        y.push_back(folded.shift[k]);
        for (std::size_t c = 0; c < x.size(); ++c) y[k] += x[c] * folded.weight[k * x.size() + c];
      }
      return;
    }
    const std::int64_t taps = from[2] * to[2] == static_cast<std::int64_t>(folded.weight.size()) ? 1 : 3;
    y.resize(static_cast<std::size_t>(to.count()));
    for (std::int64_t p = 0; p < to[0]; ++p)
      for (std::int64_t q = 0; q < to[1]; ++q)
        for (std::int64_t k = 0; k < to[2]; ++k) {
          const auto at = static_cast<std::size_t>((p * to[1] + q) * to[2] + k);
          double sum = folded.shift[static_cast<std::size_t>(k)];
          for (std::int64_t r = 0; r < taps; ++r)
            for (std::int64_t t = 0; t < taps; ++t) {
              const std::int64_t h = p * s.conv.stride + r - s.conv.padding, w = q * s.conv.stride + t - s.conv.padding;
              if (h < 0 || h >= from[0] || w < 0 || w >= from[1]) continue;
              const double* pixel = &x[static_cast<std::size_t>((h * from[1] + w) * from[2])];
              const float* filter = &folded.weight[static_cast<std::size_t>(((k * taps + r) * taps + t) * from[2])];
              for (std::int64_t c = 0; c < from[2]; ++c) sum += pixel[c] * filter[c];
            }
          if (s.residual >= 0) sum += values[static_cast<std::size_t>(s.residual)][at];
          y[at] = s.relu ? number(stored<T>(std::max(sum, 0.0))) : sum;
        }
  }

  const Plan& plan_;
  std::vector<Folded> folded_;
};

}  // namespace basin::cuda
