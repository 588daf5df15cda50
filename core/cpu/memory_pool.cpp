#include "core/cpu/memory_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace basin::cpu {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCache = false;
#else
constexpr bool kCache = true;
#endif
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// The smallest size class that holds `bytes`: a multiple of a quarter of the next lower power of two.
std::size_t class_of(std::size_t bytes) {
  const std::size_t least = std::max(bytes, std::size_t{4} * kAlignment);
  const std::size_t step = std::bit_floor(least) / 4;
  return (least + step - 1) / step * step;
}

// Large blocks lie in huge pages. They begin at different offsets in a page, since a load just behind a store to the
// same offset of another page waits for it ("4K aliasing"), and kernels go through several blocks in step.
bool is_large(std::size_t bytes) { return bytes >= kHugePage; }
constexpr std::size_t kColours = 16, kColourStep = 256;  // bytes

void* map_block(std::size_t bytes) {
  if (!is_large(bytes)) return std::aligned_alloc(kAlignment, bytes);
  static std::atomic<std::size_t> next_colour = 0;
  void* data = std::aligned_alloc(kHugePage, bytes + kColours * kColourStep);
  if (!data) return nullptr;
  madvise(data, bytes, MADV_HUGEPAGE);  // a hint: where it is refused pages stay small
  return static_cast<char*>(data) + next_colour++ % kColours * kColourStep;
}

void unmap_block(void* data, std::size_t bytes) {
  const std::size_t offset = is_large(bytes) ? reinterpret_cast<std::uintptr_t>(data) % kHugePage : 0;
  std::free(static_cast<char*>(data) - offset);
}

}  // namespace

MemoryPool::MemoryPool()
    : limit_(kCache ? static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 4 : 0) {}

void* MemoryPool::allocate(std::size_t bytes) {
  if (!kCache) bytes = std::max(bytes, std::size_t{1});
  const std::size_t size = kCache ? class_of(bytes) : bytes;
  if (kCache) {
    const std::lock_guard lock(mutex_);
    std::vector<void*>& blocks = free_[size];
    if (!blocks.empty()) {
      void* data = blocks.back();
      blocks.pop_back();
      cached_ -= size;
      return data;
    }
  }
  void* data = kCache ? map_block(size) : ::operator new (size, std::align_val_t{kAlignment});
  if (!data) {
    clear();
    data = map_block(size);
  }
  if (!data) throw std::bad_alloc();
  return data;
}

void MemoryPool::release(void* data, std::size_t bytes) noexcept {
  if (!data) return;
  if (!kCache) {
    ::operator delete (data, std::align_val_t{kAlignment});
    return;
  }
  const std::size_t size = class_of(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (cached_ + size <= limit_) {
      try {
        free_[size].push_back(data);
        cached_ += size;
        return;
      } catch (const std::bad_alloc&) {  // no room to remember it: give it back
      }
    }
  }
  unmap_block(data, size);
}

void MemoryPool::clear() {
  const std::lock_guard lock(mutex_);
  for (auto& [size, blocks] : free_) {
    for (void* data : blocks) unmap_block(data, size);
    blocks.clear();
  }
  cached_ = 0;
}

// Never destroyed: tensors held by statics are released after it would be.
MemoryPool& memory_pool() {
  static MemoryPool& pool = *new MemoryPool;
  return pool;
}

}  // namespace basin::cpu
