// Elements of arrays whose type is known at run time, for the stand-ins of NVIDIA's libraries.
#pragma once
#include "core/shape.h"

namespace basin {

inline float element(const void* data, DType type, std::int64_t i) {
  if (type == DType::f16) return to_float(static_cast<const float16*>(data)[i]);
  if (type == DType::bf16) return to_float(static_cast<const bfloat16*>(data)[i]);
  return static_cast<const float*>(data)[i];
}

inline void set_element(void* data, DType type, std::int64_t i, float value) {
  if (type == DType::f16)
    static_cast<float16*>(data)[i] = to_float16(value);
  else if (type == DType::bf16)
    static_cast<bfloat16*>(data)[i] = to_bfloat16(value);
  else
    static_cast<float*>(data)[i] = value;
}

}  // namespace basin
