// Asynchronous copies to shared memory (PTX ISA, cp.async): what the hardware may do at any time between start and wait
// is checked at both ends.
#include <algorithm>
#include <cstring>

#include "cuda/simt/block.h"

namespace basin::simt {

void Block::start_copy(void* data, const void* bytes, const Site& site) {
  Thread& thread = threads_[running_];
  Copy& copy = thread.copies.emplace_back(Copy{data, {}, thread.group});
  std::memcpy(copy.bytes.data(), bytes, copy.bytes.size());
  access(Space::shared, Access::write, shared_shadow_, data, shared_offset(data), copy.bytes.size(), site);
  shared_shadow_.begin_copy(shared_offset(data), copy.bytes.size());
  counters.copied_bytes += copy.bytes.size();
}

void Block::commit_copies() { ++threads_[running_].group; }

void Block::wait_for_copies(unsigned pending, const Site& site) {
  Thread& thread = threads_[running_];
  const auto landed = [&](const Copy& copy) { return copy.group + pending < thread.group; };
  const auto end = std::find_if_not(thread.copies.begin(), thread.copies.end(), landed);
  for (auto copy = thread.copies.begin(); copy != end; ++copy) {
    // A write now: what follows the wait and a barrier may read it.
    shared_shadow_.end_copy(shared_offset(copy->data), copy->bytes.size());
    Shadow::Other other;
    if (shared_shadow_.access(Access::write, shared_offset(copy->data), copy->bytes.size(),
                              {launch_->number, index_, running_, clocks_}, other) != Shadow::Finding::none)
      fault(site, "shared memory: a copy under way races with an access of thread ", other.thread);
    std::memcpy(copy->data, copy->bytes.data(), copy->bytes.size());
  }
  thread.copies.erase(thread.copies.begin(), end);
}

}  // namespace basin::simt
