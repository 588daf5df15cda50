// Running sums of integers.
#pragma once
#include <cstdint>

#include "cuda/runtime.h"

namespace basin::cuda {

// values[i] = the sum of what values[0], ..., values[i - 1] were, in place. 16-byte aligned; the sums fit.
void exclusive_scan(Stream stream, std::int32_t* values, std::int64_t count);

}  // namespace basin::cuda
