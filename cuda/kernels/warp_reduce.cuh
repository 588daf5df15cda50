// Reductions over the 32 lanes of a warp; every lane gets the result, which has a fixed order.
#pragma once
#include "cuda/platform.cuh"

namespace basin::cuda {

template <class T, class Combine>
__device__ T warp_reduce(T value, const Combine& combine) {
  for (int distance = 16; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

}  // namespace basin::cuda
