// bf16 and its rests by plain arithmetic, for the tests of the tile kernels.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "landscape/amx/contraction.h"

namespace basin {

// To nearest, ties to even; x is finite.
inline std::uint16_t nearest_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t below = bits & 0xFFFF, last = bits >> 16 & 1;
  return static_cast<std::uint16_t>((bits >> 16) + (below > 0x8000 || (below == 0x8000 && last == 1) ? 1 : 0));
}

inline float widened(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// A number as one or two bf16.
struct InParts {
  std::uint16_t value = 0, rest = 0;
  bool operator==(const InParts&) const = default;
};

inline InParts in_parts(float x, amx::Parts parts) {
  const std::uint16_t value = nearest_bf16(x);
  return {value, parts == amx::Parts::two ? nearest_bf16(x - widened(value)) : std::uint16_t{0}};
}

inline float number(InParts x) { return widened(x.value) + widened(x.rest); }

inline float rounded(float x, amx::Parts parts) { return number(in_parts(x, parts)); }

// At `x` and, with two parts, `low` bytes further.
inline InParts read_parts(const std::byte* x, std::ptrdiff_t low, amx::Parts parts) {
  InParts result;
  std::memcpy(&result.value, x, sizeof result.value);
  if (parts == amx::Parts::two) std::memcpy(&result.rest, x + low, sizeof result.rest);
  return result;
}

inline void write_parts(InParts v, std::byte* y, std::ptrdiff_t low, amx::Parts parts) {
  std::memcpy(y, &v.value, sizeof v.value);
  if (parts == amx::Parts::two) std::memcpy(y + low, &v.rest, sizeof v.rest);
}

}  // namespace basin
