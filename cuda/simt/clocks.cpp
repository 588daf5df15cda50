#include "cuda/simt/clocks.h"

#include <algorithm>

namespace basin::simt {
namespace {

template <class Vector>
void raise_to(Vector& a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::max(a[i], b[i]);
}

}  // namespace

void Clocks::reset(unsigned warps) {
  warps_ = warps;
  for (unsigned w = 0; w < warps; ++w) {
    warp_[w] = {};
    warp_[w].warps[w] = 1;  // nobody knows of it yet
    for (unsigned lane = 0; lane < kWarpSize; ++lane) warp_[w].lanes[lane][lane] = 1;
  }
}

void Clocks::join_warps(std::uint32_t warps) {
  Vector joined{};
  for (unsigned w = 0; w < warps_; ++w)
    if (warps >> w & 1) raise_to(joined, warp_[w].warps);
  for (unsigned w = 0; w < warps_; ++w) {
    if (!(warps >> w & 1)) continue;
    warp_[w].warps = joined;
    ++warp_[w].warps[w];
    join_lanes(w, ~0u);
  }
}

void Clocks::join_lanes(unsigned warp, std::uint32_t lanes) {
  auto& clocks = warp_[warp].lanes;
  Vector joined{};
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if (lanes >> lane & 1) raise_to(joined, clocks[lane]);
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if (!(lanes >> lane & 1)) continue;
    clocks[lane] = joined;
    ++clocks[lane][lane];
  }
}

}  // namespace basin::simt
