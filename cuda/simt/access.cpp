// Accesses of a thread to memory: alignment, races, reads of what nothing wrote, counts.
#include "cuda/simt/block.h"

namespace basin::simt {
namespace {

void count(Counters& counters, Space space, Access kind, std::size_t bytes) {
  if (kind == Access::atomic) ++counters.atomics;
  if (kind != Access::write)
    (space == Space::global ? counters.global_read_bytes : counters.shared_read_bytes) += bytes;
  if (kind != Access::read)
    (space == Space::global ? counters.global_written_bytes : counters.shared_written_bytes) += bytes;
}

std::string_view name_of(Space space) { return space == Space::global ? "global memory" : "shared memory"; }

}  // namespace

void Block::access(Space space, Access kind, Shadow& shadow, const void* data, std::size_t offset, std::size_t bytes,
                   const Site& site) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  if ((address & (bytes - 1)) != 0)
    fault(site, name_of(space), ": misaligned access of ", bytes, " bytes at byte ", offset);
  count(counters, space, kind, bytes);
  if (options().count_requests)
    warps_[running_ / kWarpSize].traffic.add(space, running_ % kWarpSize, address, bytes, site);
  Shadow::Other other;
  const Shadow::Finding finding =
      shadow.access(kind, offset, bytes, {launch_->number, index_, running_, clocks_}, other);
  if (finding == Shadow::Finding::none) [[likely]]
    return;
  if (finding == Shadow::Finding::unwritten)
    fault(site, name_of(space), ": nothing has written the ", bytes, " bytes that are read at byte ", offset);
  if (finding == Shadow::Finding::copying)
    fault(site, name_of(space), ": write to the ", bytes, " bytes at byte ", offset,
          ", to which a copy is under way: no wait between them");
  fault(site, name_of(space), ": race (",
        finding == Shadow::Finding::write_write ? "write and write" : "read and write", ") on the ", bytes,
        " bytes at byte ", offset, " with block ", other.block, ", thread ", other.thread,
        " (ranks): no barrier between them");
}

}  // namespace basin::simt
