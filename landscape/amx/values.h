// Thirty-two values as they lie in an activation: bf16, with or without their rests. For files compiled with AVX-512
// BF16; everything in it is inlined.
#pragma once
#include <immintrin.h>

#include <cstddef>

#include "landscape/amx/contraction.h"

namespace basin::amx {

// Channels c ... c + 31 of one position, or 16 channels of two positions side by side.
struct Values {
  __m512 first, second;
};

[[gnu::always_inline]] inline Values from_bf16(__m512i x) {
  const auto widen = [](__m256i half) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  };
  return {widen(_mm512_castsi512_si256(x)), widen(_mm512_extracti64x4_epi64(x, 1))};
}

[[gnu::always_inline]] inline __m512i to_bf16(Values x) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(x.second, x.first));
}

[[gnu::always_inline]] inline Values operator+(Values a, Values b) {
  return {_mm512_add_ps(a.first, b.first), _mm512_add_ps(a.second, b.second)};
}

[[gnu::always_inline]] inline Values operator-(Values a, Values b) {
  return {_mm512_sub_ps(a.first, b.first), _mm512_sub_ps(a.second, b.second)};
}

[[gnu::always_inline]] inline Values larger(Values a, Values b) {
  return {_mm512_max_ps(a.first, b.first), _mm512_max_ps(a.second, b.second)};
}

// The first `count` lanes of a vector; any count.
[[gnu::always_inline]] inline __mmask16 first(std::int64_t count) {
  return count >= 16 ? __mmask16{0xFFFF} : count <= 0 ? __mmask16{0} : static_cast<__mmask16>((1U << count) - 1);
}

[[gnu::always_inline]] inline Values zeros() { return {_mm512_setzero_ps(), _mm512_setzero_ps()}; }

// `low`: bytes from the values to their rests.
template <Parts kParts>
[[gnu::always_inline]] inline Values read(const std::byte* x, std::ptrdiff_t low) {
  const Values high = from_bf16(_mm512_loadu_si512(x));
  if constexpr (kParts == Parts::one) return high;
  return high + from_bf16(_mm512_loadu_si512(x + low));
}

// relu, if it is asked for, of what the parts stand for together.
template <Parts kParts>
[[gnu::always_inline]] inline void write(Values values, std::byte* y, std::ptrdiff_t low, bool relu = false) {
  if constexpr (kParts == Parts::one) {
    __m512i rounded = to_bf16(values);
    // As 16-bit integers, bf16 values compare with 0 as they do as numbers.
    if (relu) rounded = _mm512_max_epi16(rounded, _mm512_setzero_si512());
    _mm512_storeu_si512(y, rounded);
  } else {
    if (relu) values = larger(values, zeros());
    const __m512i high = to_bf16(values);
    _mm512_storeu_si512(y, high);
    _mm512_storeu_si512(y + low, to_bf16(values - from_bf16(high)));
  }
}

}  // namespace basin::amx
