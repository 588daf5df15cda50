// Operations of the lanes of a warp: the last to come computes the results of all.
#include "cuda/simt/block.h"

namespace basin::simt {
namespace {

constexpr std::uint32_t kTurnsPerChange = 8;  // how often, on average, a warp gives up its turn after an operation

}  // namespace

// The operation of these lanes that is under way, or a new one.
Block::Collective& Block::join(Warp& warp, WarpOperation operation, Combine combine, std::uint32_t mask,
                               const Site& site) {
  for (Collective& pending : warp.pending) {
    if (!(pending.mask & mask)) continue;
    if (pending.mask != mask || pending.operation != operation || pending.combine != combine ||
        !same(pending.site, site))
      fault(site, "divergent warp operation: ", std::popcount(pending.arrived), " lanes wait at ", where(pending.site));
    return pending;
  }
  return warp.pending.emplace_back(Collective{operation, combine, mask, 0, site, {}, {}});
}

std::uint64_t Block::warp_operation(WarpOperation operation, std::uint32_t mask, std::uint64_t value, unsigned source,
                                    const Site& site) {
  return meet(operation, nullptr, mask, value, source, site);
}

void Block::together(Combine combine, void* lane, const Site& site) {
  if (warps_[running_ / kWarpSize].alive != ~0u)
    fault(site, "an operation of whole warps in one of fewer than 32 lanes");
  meet(WarpOperation::together, combine, ~0u, reinterpret_cast<std::uintptr_t>(lane), 0, site);
}

std::uint64_t Block::meet(WarpOperation operation, Combine combine, std::uint32_t mask, std::uint64_t value,
                          unsigned source, const Site& site) {
  const unsigned w = running_ / kWarpSize, lane = running_ % kWarpSize;
  Warp& warp = warps_[w];
  if (!(mask >> lane & 1)) fault(site, "the mask of a warp operation leaves out the lane that calls it");
  if (mask & ~warp.alive) fault(site, "the mask of a warp operation names lanes that have exited or do not exist");
  Collective& collective = join(warp, operation, combine, mask, site);
  collective.arrived |= 1u << lane;
  collective.value[lane] = value;
  collective.source[lane] = static_cast<std::uint8_t>(source);
  if (collective.arrived == mask)
    complete(w, collective, site);
  else
    suspend(Wait::warp, site);
  return threads_[w * kWarpSize + lane].result;
}

void Block::complete(unsigned w, const Collective& collective, const Site& site) {
  Warp& warp = warps_[w];
  if (collective.operation == WarpOperation::together) {
    std::array<void*, kWarpSize> lanes;
    for (unsigned lane = 0; lane < kWarpSize; ++lane) lanes[lane] = reinterpret_cast<void*>(collective.value[lane]);
    collective.combine(lanes.data());
  }
  std::uint64_t ballot = 0;
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if (collective.mask >> lane & 1 && collective.value[lane]) ballot |= 1u << lane;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if (!(collective.mask >> lane & 1)) continue;
    const unsigned source = collective.source[lane];
    if (collective.operation == WarpOperation::shuffle && !(collective.mask >> source & 1))
      fault(site, "lane ", lane, " shuffles from lane ", source, ", which takes no part");
    threads_[w * kWarpSize + lane].result =
        collective.operation == WarpOperation::shuffle ? collective.value[source] : ballot;
    wake(w * kWarpSize + lane);
  }
  if (collective.operation == WarpOperation::sync) clocks_.join_lanes(w, collective.mask);
  if (collective.mask == warp.alive) warp.traffic.flush(counters);
  ++counters.warp_operations;
  std::erase_if(warp.pending, [mask = collective.mask](const Collective& c) { return c.mask == mask; });
  if (random() % kTurnsPerChange == 0) change_warp_ = true;
}

}  // namespace basin::simt
