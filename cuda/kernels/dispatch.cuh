// From the dtype of a view to a typed kernel.
#pragma once
#include "core/cpu/dispatch.h"
#include "cuda/launch.h"

namespace basin::cuda {

using cpu::dispatch_any;    // f(T{}) with T the element type
using cpu::dispatch_width;  // f(T{}) with T an unsigned integer as wide as the element: for kernels that move values

// f(float{}), f(float16{}) or f(bfloat16{}): the types that kernels compute on, in float.
template <class F>
decltype(auto) dispatch_float(DType type, const char* kernel, const F& f) {
  if (type == DType::f32) return f(float{});
  if (type == DType::f16) return f(float16{});
  check(type == DType::bf16, kernel, ": f32, f16 or bf16 expected, found ", type);
  return f(bfloat16{});
}

}  // namespace basin::cuda
