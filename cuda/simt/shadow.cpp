#include "cuda/simt/shadow.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/error.h"

namespace basin::simt {
namespace {

constexpr std::size_t kGranule = 4;

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

// Guards a granule, in its own cache line: threads that use different ones do not meet.
class Shadow::Lock {
 public:
  Lock(Granule& granule, bool needed) : granule_(granule), needed_(needed) {
    if (needed_)
      while (std::atomic_ref(granule_.locked).exchange(1, std::memory_order_acquire)) std::this_thread::yield();
  }
  ~Lock() {
    if (needed_) std::atomic_ref(granule_.locked).store(0, std::memory_order_release);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Granule& granule_;
  const bool needed_;
};

void Shadow::clear(std::size_t bytes) {
  ++generation_;
  const std::size_t count = (bytes + kGranule - 1) / kGranule;
  if (count <= capacity_) return;
  // Granules of generation 0: void. One more, for the alignment.
  memory_.reset(std::calloc(count + 1, sizeof(Granule)));
  check(memory_ != nullptr, "simt: no memory to watch ", bytes, " bytes");
  void* begin = memory_.get();
  std::size_t space = (count + 1) * sizeof(Granule);
  granules_ = static_cast<Granule*>(std::align(alignof(Granule), count * sizeof(Granule), begin, space));
  capacity_ = count;
}

inline void Shadow::forget_records(Granule& granule) {
  granule.write.bytes = granule.reads[0].bytes = granule.reads[1].bytes = 0;
}

inline void Shadow::renew(Granule& granule) const {
  if (granule.generation == generation_) [[likely]]
    return;
  granule.generation = generation_;
  granule.written = granule.copying = 0;
  forget_records(granule);
}

void Shadow::mark_written(std::size_t offset, std::size_t bytes) {
  for_each_granule(offset, bytes, [&](std::size_t g, std::uint8_t mask) {
    renew(granules_[g]);
    granules_[g].written |= mask;
  });
}

void Shadow::begin_copy(std::size_t offset, std::size_t bytes) {
  for_each_granule(offset, bytes, [&](std::size_t g, std::uint8_t mask) {
    renew(granules_[g]);
    granules_[g].written &= static_cast<std::uint8_t>(~mask);
    granules_[g].copying |= mask;
  });
}

void Shadow::end_copy(std::size_t offset, std::size_t bytes) {
  for_each_granule(offset, bytes,
                   [&](std::size_t g, std::uint8_t mask) { granules_[g].copying &= static_cast<std::uint8_t>(~mask); });
}

inline bool Shadow::ordered(const Record& before, const Accessor& who) {
  return before.block == who.block && who.clocks.ordered(before.thread, before.time, who.thread);
}

inline void Shadow::remember_read(Granule& granule, const Record& record, const Accessor& who) {
  for (Record& read : granule.reads)
    if (read.bytes == 0 || ordered(read, who)) {
      read = record;
      return;
    }
  granule.reads[1] = record;  // the first and the last of many unordered readers
}

// What is wrong with the access, and with which other one; else it is remembered.
inline Shadow::Finding Shadow::access_granule(std::size_t index, Access kind, std::uint8_t bytes, const Accessor& who,
                                              Other& other) {
  Granule& granule = granules_[index];
  const Lock lock(granule, locked_);
  renew(granule);
  if (granule.launch != who.launch) {
    granule.launch = who.launch;
    forget_records(granule);
  }
  const bool atomic = kind == Access::atomic;
  if (kind != Access::write && (granule.written & bytes) != bytes) [[unlikely]]
    return Finding::unwritten;
  if (granule.copying & bytes) [[unlikely]]
    return Finding::copying;
  const auto races = [&](const Record& before) {
    if ((before.bytes & bytes) == 0 || (atomic && before.atomic) || ordered(before, who)) [[likely]]
      return false;
    other = {before.block, before.thread};
    return true;
  };
  if (races(granule.write)) return kind == Access::read ? Finding::read_write : Finding::write_write;
  const Record record{who.block, who.clocks.now(who.thread), static_cast<std::uint16_t>(who.thread), bytes, atomic};
  if (kind == Access::read) {
    remember_read(granule, record, who);
    return Finding::none;
  }
  for (const Record& read : granule.reads)
    if (races(read)) return Finding::read_write;
  granule.write = record;
  granule.written |= bytes;
  return Finding::none;
}

Shadow::Finding Shadow::access(Access kind, std::size_t offset, std::size_t bytes, const Accessor& who, Other& other) {
  Finding finding = Finding::none;
  if ((offset | bytes) % kGranule == 0) [[likely]] {
    const std::size_t end = (offset + bytes) / kGranule;
    for (std::size_t g = offset / kGranule; g < end && finding == Finding::none; ++g)
      finding = access_granule(g, kind, (1u << kGranule) - 1, who, other);
  } else {
    for_each_granule(offset, bytes, [&](std::size_t g, std::uint8_t mask) {
      if (finding == Finding::none) finding = access_granule(g, kind, mask, who, other);
    });
  }
  return finding;
}

}  // namespace basin::simt
