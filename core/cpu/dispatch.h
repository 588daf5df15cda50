// From the dtype of a view to a typed kernel.
#pragma once
#include "core/tensor.h"

namespace basin::cpu {

// Elements that one item of elementwise work covers: its arrays fit the level-2 cache.
inline constexpr std::int64_t kElementBlock = 32768;

// f(float{}) or f(double{}).
template <class F>
decltype(auto) dispatch_float(DType type, const char* kernel, const F& f) {
  if (type == DType::f32) return f(float{});
  check(type == DType::f64, kernel, ": f32 or f64 expected, found ", type);
  return f(double{});
}

// f(T{}) with T the element type.
template <class F>
decltype(auto) dispatch_any(DType type, const F& f) {
  switch (type) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::f16:
      return f(float16{});
    case DType::bf16:
      return f(bfloat16{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::u8:
      return f(std::uint8_t{});
  }
  fail("unknown dtype ", static_cast<int>(type));
}

// f(T{}) with T an unsigned integer as wide as the element: for kernels that only move values.
template <class F>
decltype(auto) dispatch_width(DType type, const F& f) {
  switch (size_of(type)) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

}  // namespace basin::cpu
