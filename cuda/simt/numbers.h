// Half-precision storage forms to and from the float that kernels compute in, emulated. The twin of
// cuda/native/numbers.cuh.
#pragma once
#include "core/shape.h"

namespace basin::cuda {

inline float widen(float value) { return value; }
inline float widen(float16 value) { return to_float(value); }
inline float widen(bfloat16 value) { return to_float(value); }

// Rounded to nearest even; overflow becomes infinity, NaN stays NaN.
template <class T>
T narrow(float value) {
  if constexpr (dtype_of<T> == DType::f16)
    return to_float16(value);
  else if constexpr (dtype_of<T> == DType::bf16)
    return to_bfloat16(value);
  else
    return value;
}

}  // namespace basin::cuda
