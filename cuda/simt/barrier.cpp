// Barriers of a block (PTX ISA, bar.sync).
#include "cuda/simt/block.h"

namespace basin::simt {

void Block::barrier(unsigned id, unsigned threads, const Site& site) {
  if (id >= barriers_.size()) fault(site, "barrier ", id, " of ", barriers_.size());
  if (threads == 0 || threads > thread_count_ || (threads % kWarpSize != 0 && threads != thread_count_))
    fault(site, "barrier ", id, " for ", threads, " of the block's ", thread_count_,
          " threads: whole warps are expected");
  Barrier& barrier = barriers_[id];
  if (barrier.arrived == 0) {
    barrier.expected = threads;
    barrier.site = site;
  }
  if (barrier.expected != threads)
    fault(site, "divergent barrier: ", threads, " threads are expected here, ", barrier.expected, " at ",
          where(barrier.site));
  if (!same(barrier.site, site))
    fault(site, "divergent barrier: ", barrier.arrived, " threads wait at ", where(barrier.site));
  barrier.lanes[running_ / kWarpSize] |= 1u << running_ % kWarpSize;
  if (++barrier.arrived == threads) {
    complete(barrier);
  } else {
    threads_[running_].barrier = static_cast<std::uint8_t>(id);
    suspend(Wait::barrier, site);
  }
}

void Block::complete(Barrier& barrier) {
  std::uint32_t warps = 0;
  for (unsigned w = 0; w < warp_count_; ++w) {
    const std::uint32_t lanes = barrier.lanes[w];
    if (!lanes) continue;
    // The hardware counts warps: one of which a part waits elsewhere would let others pass too early.
    if (lanes != live_lanes(w))
      fault(barrier.site, "divergent barrier: only ", std::popcount(lanes), " of the ", std::popcount(live_lanes(w)),
            " lanes of warp ", w, " have come");
    warps |= 1u << w;
    for (unsigned lane = 0; lane < kWarpSize; ++lane)
      if (lanes >> lane & 1) wake(w * kWarpSize + lane);
    warps_[w].traffic.flush(counters);
  }
  clocks_.join_warps(warps);
  barrier = {};
  ++counters.barriers;
  change_warp_ = true;
}

}  // namespace basin::simt
