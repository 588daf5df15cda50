#include "landscape/amx/convert.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "landscape/amx/values.h"

namespace basin::amx {
namespace {

// The 32 values at x, whose rests are `low` bytes further where there are two parts.
Values read_parts(const std::byte* x, std::int64_t parts, std::ptrdiff_t low) {
  return parts == 2 ? read<Parts::two>(x, low) : read<Parts::one>(x, low);
}

void write_parts(Values v, std::int64_t parts, std::byte* y, std::ptrdiff_t low) {
  parts == 2 ? write<Parts::two>(v, y, low) : write<Parts::one>(v, y, low);
}

// Calls body(image, y, x) for each position.
template <class Body>
void for_each_position(const Layout& layout, std::int64_t count, const Body& body) {
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t y = 0; y < layout.height; ++y)
      for (std::int64_t x = 0; x < layout.width; ++x) body(n, y, x);
}

std::uint16_t round_to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);  // to nearest, ties to even; x is finite
}

float widen(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

}  // namespace

void pack(const float* x, std::int64_t count, std::int64_t channels, const Layout& layout, std::byte* y) {
  const std::int64_t low = layout.part();
  for_each_position(layout, count, [&](std::int64_t n, std::int64_t row, std::int64_t column) {
    std::byte* to = y + layout.at(n, row, column);
    // With 16 channels the second half of a vector is the next position's: zeros, which it overwrites in its turn, and
    // in the end of a line those of the halo.
    for (std::int64_t c = 0; c < layout.channels; c += 32)
      write_parts({_mm512_maskz_loadu_ps(first(channels - c), x + c),
                   _mm512_maskz_loadu_ps(first(channels - c - 16), x + c + 16)},
                  layout.parts, to + 2 * c, low);
    x += channels;
  });
}

void unpack(const std::byte* x, const Layout& layout, std::int64_t count, std::int64_t channels, float* y) {
  const std::int64_t low = layout.part();
  for_each_position(layout, count, [&](std::int64_t n, std::int64_t row, std::int64_t column) {
    const std::byte* from = x + layout.at(n, row, column);
    for (std::int64_t c = 0; c < channels; c += 32) {
      const Values v = read_parts(from + 2 * c, layout.parts, low);
      _mm512_mask_storeu_ps(y + c, first(channels - c), v.first);
      _mm512_mask_storeu_ps(y + c + 16, first(channels - c - 16), v.second);
    }
    y += channels;
  });
}

void max_pool_2x2(const std::byte* x, const Layout& x_layout, std::int64_t count, const Layout& y_layout,
                  std::byte* y) {
  const std::int64_t x_low = x_layout.part(), y_low = y_layout.part();
  const auto value = [&](const std::byte* from) { return read_parts(from, x_layout.parts, x_low); };
  for_each_position(y_layout, count, [&](std::int64_t n, std::int64_t row, std::int64_t column) {
    const std::byte* left = x + x_layout.at(n, 2 * row, 2 * column);
    const std::byte* right = left + x_layout.neighbour();
    const std::int64_t line = x_layout.line();
    std::byte* to = y + y_layout.at(n, row, column);
    for (std::int64_t c = 0; c < 2 * y_layout.channels; c += 64)
      write_parts(
          larger(larger(value(left + c), value(right + c)), larger(value(left + line + c), value(right + line + c))),
          y_layout.parts, to + c, y_low);
  });
}

void average_pool(const std::byte* x, const Layout& layout, std::int64_t count, std::int64_t channels, float* y) {
  const std::int64_t low = layout.part(), neighbour = layout.neighbour();
  const __m512 positions = _mm512_set1_ps(static_cast<float>(layout.height * layout.width));
  for (std::int64_t n = 0; n < count; ++n, y += channels)
    for (std::int64_t c = 0; c < channels; c += 32) {
      Values sum = zeros();
      const std::byte* line = x + layout.at(n, 0, 0) + 2 * c;
      for (std::int64_t row = 0; row < layout.height; ++row, line += layout.line())
        for (std::int64_t column = 0; column < layout.width; ++column)
          sum = sum + read_parts(line + column * neighbour, layout.parts, low);
      _mm512_mask_storeu_ps(y + c, first(channels - c), _mm512_div_ps(sum.first, positions));
      _mm512_mask_storeu_ps(y + c + 16, first(channels - c - 16), _mm512_div_ps(sum.second, positions));
    }
}

std::int64_t image_line(std::int64_t width, std::int64_t parts) { return (width + 4) * 8 * parts; }

std::int64_t image_bytes(std::int64_t height, std::int64_t width, std::int64_t parts) {
  // The last tile row begins at the last pixel and is 64 bytes long.
  return ((height + 2) * image_line(width, parts) + 127) / 64 * 64;
}

void pack_images(const float* x, std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t channels,
                 std::int64_t parts, std::byte* y) {
  for (std::int64_t n = 0; n < count; ++n, y += image_bytes(height, width, parts)) {
    auto* image = reinterpret_cast<std::uint16_t*>(y);
    std::memset(y, 0, static_cast<std::size_t>(image_bytes(height, width, parts)));
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column) {
        std::uint16_t* to = image + (row + 1) * image_line(width, parts) / 2 + (column + 1) * 4 * parts;
        for (std::int64_t c = 0; c < channels; ++c, ++x) {
          to[c] = round_to_bf16(*x);
          if (parts == 2) to[4 + c] = round_to_bf16(*x - widen(to[c]));
        }
      }
  }
}

double largest_magnitude(const std::byte* x, const Layout& layout, std::int64_t count) {
  const std::int64_t bytes = layout.bytes(count);
  __m512 largest = _mm512_setzero_ps();
  __mmask16 nan = 0;
  const auto look = [&](__m512 v) {
    largest = _mm512_max_ps(largest, _mm512_abs_ps(v));
    nan |= _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  };
  // The rests are smaller than their values: all of it can be read alike.
  for (std::int64_t i = 0; i < bytes; i += 64) {
    const Values v = from_bf16(_mm512_loadu_si512(x + i));
    look(v.first);
    look(v.second);
  }
  return nan != 0 ? std::nan("") : static_cast<double>(_mm512_reduce_max_ps(largest));
}

}  // namespace basin::amx
