// Element types and shapes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <vector>

namespace basin {

enum class DType : std::uint8_t { f32, f64, f16, bf16, i32, i64, u8 };

std::size_t size_of(DType type);       // bytes per element
std::string_view name_of(DType type);  // "f32", "bf16", ...
std::ostream& operator<<(std::ostream& out, DType type);

// Storage forms of half-precision numbers: bits only, arithmetic happens in float.
struct float16 {
  std::uint16_t bits = 0;
};
struct bfloat16 {
  std::uint16_t bits = 0;
};
float to_float(float16 value);
float to_float(bfloat16 value);
float16 to_float16(float value);    // round to nearest even; overflow becomes infinity
bfloat16 to_bfloat16(float value);  // round to nearest even; NaN stays NaN

template <class T>
inline constexpr DType dtype_of = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<float16> = DType::f16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;

// Extents of a dense row-major array, slowest first. Activations are N H W C, filters K R S C. A 0-rank shape has one
// element.
class Shape : public std::vector<std::int64_t> {
 public:
  using std::vector<std::int64_t>::vector;
  std::int64_t count() const;  // number of elements
};
std::ostream& operator<<(std::ostream& out, const Shape& shape);  // (128, 32, 32, 16)

}  // namespace basin
