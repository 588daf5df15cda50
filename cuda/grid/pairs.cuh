// Two values of 16 bits in a register, the first in the low half: float16 or bfloat16 (PTX ISA 8: cvt, max; compute
// capability 8.0 and later). On a GPU an instruction each; the emulator's twins say what they do.
#pragma once
#include <bit>

#include "cuda/platform.cuh"

namespace basin::cuda {

struct Pair {
  float first, second;
};

#if defined(__CUDACC__)

__device__ inline float float_of_bits(std::uint32_t bits) { return __uint_as_float(bits); }

// relu of both, rounded to nearest even; overflow becomes infinity, NaN stays NaN.
template <class T>
__device__ std::uint32_t pack_relu(float first, float second) {
  std::uint32_t pair;
  if constexpr (dtype_of<T> == DType::f16)
    asm("cvt.rn.relu.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  else
    asm("cvt.rn.relu.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}
// The larger of each half; NaN where either is.
template <class T>
__device__ std::uint32_t larger_pair(std::uint32_t a, std::uint32_t b) {
  std::uint32_t pair;
  if constexpr (dtype_of<T> == DType::f16)
    asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
  else
    asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
  return pair;
}

#else

inline float float_of_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }

template <class T>
std::uint32_t pack_relu(float first, float second) {
  const auto half = [](float value) -> std::uint32_t { return narrow<T>(value < 0 ? 0 : value).bits; };
  return half(first) | half(second) << 16;
}
template <class T>
std::uint32_t larger_pair(std::uint32_t a, std::uint32_t b) {
  const auto half = [](std::uint32_t x, std::uint32_t y) -> std::uint32_t {
    const float left = widen(T{static_cast<std::uint16_t>(x)}), right = widen(T{static_cast<std::uint16_t>(y)});
    return (left > right || left != left ? x : y) & 0xffffu;
  };
  return half(a, b) | half(a >> 16, b >> 16) << 16;
}

#endif

template <class T>
__device__ Pair unpack(std::uint32_t pair) {
  return {widen(T{static_cast<std::uint16_t>(pair)}), widen(T{static_cast<std::uint16_t>(pair >> 16)})};
}

// Is a half of a pair of values that are not negative infinite or NaN?
template <class T>
__device__ bool has_overflowed(std::uint32_t pair) {
  constexpr std::uint32_t kInfinity = dtype_of<T> == DType::f16 ? 0x7c00u : 0x7f80u;
  return (pair & 0x7fffu) >= kInfinity || (pair >> 16 & 0x7fffu) >= kInfinity;
}

}  // namespace basin::cuda
