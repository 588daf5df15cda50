// The allocations of emulated device memory, with the shadow of each.
#pragma once
#include <cstddef>

#include "cuda/simt/shadow.h"

namespace basin::simt {

struct Allocation {
  char* data = nullptr;
  std::size_t capacity = 0, bytes = 0;  // of which the first `bytes` are in use
  Shadow shadow{Shadow::Sharing::many_threads};
};

// The allocation that contains [data, data + bytes); throws Error where there is none. Valid until it is released.
Allocation& allocation_of(const void* data, std::size_t bytes);

// The first `bytes` of the allocation that begins at `data` are in use from now on: filled with 0xFF, and nothing has
// written them. The rest is out of bounds.
void begin_use(void* data, std::size_t bytes);
void end_use(void* data) noexcept;  // all of it is out of bounds

// What the emulated device has; allocate() is not bound by it (cuda/runtime.h is).
struct Memory {
  std::size_t allocated_bytes, total_bytes;
};
Memory memory();
void set_total_memory(std::size_t bytes);  // at first 64 GiB

}  // namespace basin::simt
