#include "cuda/simt/allocations.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "core/error.h"
#include "cuda/simt/simt.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace basin::simt {
namespace {

constexpr std::size_t kAlignment = 256;  // that of cudaMalloc
constexpr std::size_t kTotalMemory = std::size_t{64} << 30;

struct Registry {
  std::mutex mutex;
  std::map<const char*, std::unique_ptr<Allocation>> allocations;  // by address
  Memory memory{0, kTotalMemory};
};

// Never destroyed: buffers may outlive the statics of other files.
Registry& registry() {
  static Registry& instance = *new Registry;
  return instance;
}

Allocation& allocation_at(void* data) {
  const std::lock_guard lock(registry().mutex);
  return *registry().allocations.at(static_cast<const char*>(data));
}

// AddressSanitizer reports use of what is not among the first `bytes`.
void guard([[maybe_unused]] const Allocation& allocation, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(allocation.data, allocation.capacity);
  __asan_unpoison_memory_region(allocation.data, bytes);
#endif
}

}  // namespace

void* allocate(std::size_t bytes) {
  // At least a byte, so that addresses differ. Not rounded up: AddressSanitizer guards the exact end.
  void* data = nullptr;
  check(posix_memalign(&data, kAlignment, bytes ? bytes : 1) == 0, "simt: no memory for ", bytes, " bytes");
  std::memset(data, 0xFF, bytes);
  auto allocation = std::make_unique<Allocation>();
  allocation->data = static_cast<char*>(data);
  allocation->capacity = allocation->bytes = bytes;
  allocation->shadow.clear(bytes);
  const std::lock_guard lock(registry().mutex);
  registry().allocations.emplace(allocation->data, std::move(allocation));
  registry().memory.allocated_bytes += bytes;
  return data;
}

void release(void* data) noexcept {
  if (!data) return;
  {
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().allocations.find(static_cast<const char*>(data));
    guard(*found->second, found->second->capacity);
    registry().memory.allocated_bytes -= found->second->capacity;
    registry().allocations.erase(found);
  }
  std::free(data);
}

void begin_use(void* data, std::size_t bytes) {
  Allocation& allocation = allocation_at(data);
  guard(allocation, bytes);
  allocation.bytes = bytes;
  std::memset(data, 0xFF, bytes);
  allocation.shadow.clear(bytes);
}

void end_use(void* data) noexcept {
  Allocation& allocation = allocation_at(data);
  guard(allocation, 0);
  allocation.bytes = 0;
}

Memory memory() {
  const std::lock_guard lock(registry().mutex);
  return registry().memory;
}

void set_total_memory(std::size_t bytes) {
  const std::lock_guard lock(registry().mutex);
  registry().memory.total_bytes = bytes;
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
