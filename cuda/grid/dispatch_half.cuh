// From a dtype to the 16-bit type that tensor cores multiply.
#pragma once
#include "core/error.h"
#include "core/shape.h"

namespace basin::cuda {

// f(float16{}) or f(bfloat16{}).
template <class F>
decltype(auto) dispatch_half(DType type, const char* kernel, const F& f) {
  if (type == DType::f16) return f(float16{});
  check(type == DType::bf16, kernel, ": f16 or bf16 expected, found ", type);
  return f(bfloat16{});
}

}  // namespace basin::cuda
