#include "cuda/simt/allocations.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "cuda/simt/simt.h"

namespace basin::simt {
namespace {

constexpr std::size_t kAlignment = 256;  // that of cudaMalloc

struct Registry {
  std::mutex mutex;
  std::map<const char*, std::unique_ptr<Allocation>> allocations;  // by address
};

// Never destroyed: buffers may outlive the statics of other files.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

}  // namespace

void* allocate(std::size_t bytes) {
  // At least a byte, so that addresses differ. Not rounded up: AddressSanitizer guards the exact end.
  void* data = nullptr;
  check(posix_memalign(&data, kAlignment, bytes ? bytes : 1) == 0, "simt: no memory for ", bytes, " bytes");
  std::memset(data, 0xFF, bytes);
  auto allocation = std::make_unique<Allocation>();
  allocation->data = static_cast<char*>(data);
  allocation->bytes = bytes;
  allocation->shadow.clear(bytes);
  const std::lock_guard lock(registry().mutex);
  registry().allocations.emplace(allocation->data, std::move(allocation));
  return data;
}

void release(void* data) noexcept {
  if (!data) return;
  {
    const std::lock_guard lock(registry().mutex);
    registry().allocations.erase(static_cast<const char*>(data));
  }
  std::free(data);
}

Allocation& allocation_of(const void* data, std::size_t bytes) {
  const auto* address = static_cast<const char*>(data);
  const std::lock_guard lock(registry().mutex);
  const auto& allocations = registry().allocations;
  auto next = allocations.upper_bound(address);
  check(next != allocations.begin(), "simt: ", data, " is not device memory");
  Allocation& found = *std::prev(next)->second;
  const auto offset = static_cast<std::size_t>(address - found.data);
  check(offset <= found.bytes, "simt: ", data, " is not device memory");
  check(bytes <= found.bytes - offset, "simt: ", bytes, " bytes at offset ", offset, " of an allocation of ",
        found.bytes, " bytes");
  return found;
}

void mark_written(const void* data, std::size_t bytes) {
  Allocation& allocation = allocation_of(data, bytes);
  allocation.shadow.mark_written(static_cast<std::size_t>(static_cast<const char*>(data) - allocation.data), bytes);
}

void check_allocated(const void* data, std::size_t bytes) { allocation_of(data, bytes); }

}  // namespace basin::simt
