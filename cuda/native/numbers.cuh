// Half-precision storage forms to and from the float that kernels compute in, on a GPU. The twin of
// cuda/simt/numbers.h.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "core/shape.h"

namespace basin::cuda {

__device__ inline float widen(float value) { return value; }
__device__ inline float widen(float16 value) { return __half2float(__ushort_as_half(value.bits)); }
__device__ inline float widen(bfloat16 value) { return __bfloat162float(__ushort_as_bfloat16(value.bits)); }

// Rounded to nearest even; overflow becomes infinity, NaN stays NaN.
template <class T>
__device__ T narrow(float value) {
  if constexpr (dtype_of<T> == DType::f16)
    return {__half_as_ushort(__float2half_rn(value))};
  else if constexpr (dtype_of<T> == DType::bf16)
    return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
  else
    return value;
}

}  // namespace basin::cuda
