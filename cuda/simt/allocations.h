// The allocations of emulated device memory, with the shadow of each.
#pragma once
#include <cstddef>

#include "cuda/simt/shadow.h"

namespace basin::simt {

struct Allocation {
  char* data = nullptr;
  std::size_t bytes = 0;
  Shadow shadow;
};

// The allocation that contains [data, data + bytes); throws Error where there is none. Valid until it is released.
Allocation& allocation_of(const void* data, std::size_t bytes);

}  // namespace basin::simt
