#include "core/cpu/bf16.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/cpu/streaming.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace basin::cpu {
namespace {

void round_tile(const float* __restrict x, std::uint16_t* __restrict y, std::int64_t count) {
  std::int64_t i = 0;
#if defined(__AVX512BF16__)
  constexpr std::int64_t kVector = 16;
  for (; i + kVector <= count; i += kVector) {
    const __m256bh rounded = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    std::memcpy(y + i, &rounded, sizeof rounded);
  }
#endif
  for (; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    const std::uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const bool nan = (bits & 0x7FFFFFFF) > 0x7F800000;
    y[i] = static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40 : rounded);
  }
}

}  // namespace

void round_to_bf16(const float* x, std::uint16_t* y, std::int64_t count) {
  constexpr std::int64_t kTile = 512;
  for (std::int64_t at = 0; at < count; at += kTile) {
    const std::int64_t length = std::min(kTile, count - at);
    prefetch_ahead(length, x + at);
    round_tile(x + at, y + at, length);
  }
}

}  // namespace basin::cpu
