#include "cuda/simt/shadow.h"

#include <algorithm>

namespace basin::simt {
namespace {

constexpr std::size_t kGranule = 4;

class SpinLock {
 public:
  explicit SpinLock(std::atomic_flag& flag) : flag_(flag) {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~SpinLock() { flag_.clear(std::memory_order_release); }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

 private:
  std::atomic_flag& flag_;
};

// f(granule, mask) for each granule that [offset, offset + bytes) touches; bit i of mask: byte i.
template <class F>
void for_each_granule(std::size_t offset, std::size_t bytes, const F& f) {
  const std::size_t end = offset + bytes;
  for (std::size_t g = offset / kGranule; g * kGranule < end; ++g) {
    const std::size_t begin = std::max(offset, g * kGranule) - g * kGranule;
    const std::size_t stop = std::min(end, (g + 1) * kGranule) - g * kGranule;
    f(g, static_cast<std::uint8_t>((1u << stop) - (1u << begin)));
  }
}

}  // namespace

void Shadow::clear(std::size_t bytes) { granules_.assign((bytes + kGranule - 1) / kGranule, {}); }

void Shadow::mark_written(std::size_t offset, std::size_t bytes) {
  for_each_granule(offset, bytes, [&](std::size_t g, std::uint8_t mask) { granules_[g].written |= mask; });
}

bool Shadow::ordered(const Record& before, const Accessor& who) {
  if (before.launch != who.launch) return true;  // launches follow one another
  return before.block == who.block && who.clocks.ordered(before.thread, before.time, who.thread);
}

void Shadow::remember_read(Granule& granule, const Record& record, const Accessor& who) {
  for (Record& read : granule.reads)
    if (ordered(read, who)) {
      read = record;
      return;
    }
  granule.reads[1] = record;  // the first and the last of many unordered readers
}

Shadow::Result Shadow::access_granule(Granule& granule, Access kind, std::uint8_t bytes, const Accessor& who) {
  const bool atomic = kind == Access::atomic;
  if (kind != Access::write && (granule.written & bytes) != bytes) return {Finding::unwritten, 0, 0};
  const auto races = [&](const Record& other) {
    return (other.bytes & bytes) != 0 && !(atomic && other.atomic) && !ordered(other, who);
  };
  if (races(granule.write))
    return conflict(kind == Access::read ? Finding::read_write : Finding::write_write, granule.write);
  const Record record{who.launch, who.block, who.clocks.now(who.thread), static_cast<std::uint16_t>(who.thread),
                      bytes,      atomic};
  if (kind == Access::read) {
    remember_read(granule, record, who);
    return {};
  }
  for (const Record& read : granule.reads)
    if (races(read)) return conflict(Finding::read_write, read);
  granule.write = record;
  granule.written |= bytes;
  return {};
}

Shadow::Result Shadow::access(Access kind, std::size_t offset, std::size_t bytes, const Accessor& who) {
  Result result;
  for_each_granule(offset, bytes, [&](std::size_t g, std::uint8_t mask) {
    const SpinLock lock(locks_[g % kLocks]);
    const Result found = access_granule(granules_[g], kind, mask, who);
    if (result.finding == Finding::none) result = found;
  });
  return result;
}

}  // namespace basin::simt
