// What happened before what, within a block. Warps have a vector clock each (Mattern 1989), joined by barriers; the
// lanes of a warp have one each, joined by __syncwarp. Shuffles and ballots order nothing: CUDA promises no memory
// ordering for them.
#pragma once
#include <array>
#include <cstdint>

namespace basin::simt {

inline constexpr unsigned kWarpSize = 32, kMaxWarps = 32, kMaxThreads = kWarpSize * kMaxWarps;

class Clocks {
 public:
  struct Time {
    std::uint32_t warp, lane;
  };

  void reset(unsigned warps);
  // The time of an access that `thread` (its rank in the block) makes now.
  Time now(unsigned thread) const {
    const unsigned w = thread / kWarpSize, lane = thread % kWarpSize;
    return {warp_[w].warps[w], warp_[w].lanes[lane][lane]};
  }
  // Does what `other` did at `time` come before what `thread` does now?
  bool ordered(unsigned other, Time time, unsigned thread) const {
    if (other == thread) return true;
    const Warp& warp = warp_[thread / kWarpSize];
    if (other / kWarpSize == thread / kWarpSize) return time.lane <= warp.lanes[thread % kWarpSize][other % kWarpSize];
    return time.warp <= warp.warps[other / kWarpSize];
  }

  void join_warps(std::uint32_t warps);                 // a barrier of all lanes of these warps
  void join_lanes(unsigned warp, std::uint32_t lanes);  // __syncwarp

 private:
  using Vector = std::array<std::uint32_t, 32>;
  struct Warp {
    Vector warps;                         // what it knows of each warp
    std::array<Vector, kWarpSize> lanes;  // what each of its lanes knows of each
  };

  unsigned warps_ = 0;
  std::array<Warp, kMaxWarps> warp_;
};

}  // namespace basin::simt
