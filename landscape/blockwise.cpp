#include "landscape/blockwise.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace basin {
namespace {

struct Window {
  std::int64_t begin, end;
};
// The rows (or columns) of the input that output position `p` covers.
Window window(std::int64_t p, const Pool2d& pool, std::int64_t extent) {
  const std::int64_t begin = p * pool.stride - pool.padding;
  return {std::max<std::int64_t>(0, begin), std::min(extent, begin + pool.kernel)};
}

void keep_larger(const float* x, std::int64_t channels, float* y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] = y[c] >= x[c] || y[c] != y[c] ? y[c] : x[c];
}

void add(const float* x, std::int64_t channels, float* y) {
  for (std::int64_t c = 0; c < channels; ++c) y[c] += x[c];
}

}  // namespace

double largest_magnitude(const float* x, std::size_t count) {
  // |x| as bits is ordered as |x| itself, and NaN lies above infinity.
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = std::max(largest, std::bit_cast<std::uint32_t>(x[i]) & 0x7fffffffU);
  return std::bit_cast<float>(largest);
}

void relu_block(std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] = y[i] < 0 ? 0 : y[i];
}

void add_block(const float* x, std::size_t count, float* y) {
  for (std::size_t i = 0; i < count; ++i) y[i] += x[i];
}

void affine_block(const float* x, std::span<const float> scale, std::span<const float> shift, const float* residual,
                  bool relu, std::size_t count, float* y) {
  const std::size_t channels = scale.size();
  for (std::size_t row = 0; row < count; row += channels) {
    for (std::size_t c = 0; c < channels; ++c) y[row + c] = x[row + c] * scale[c] + shift[c];
    if (residual != nullptr)
      for (std::size_t c = 0; c < channels; ++c) y[row + c] += residual[row + c];
    if (relu) relu_block(channels, y + row);
  }
}

void pool_block(bool maximum, const Pool2d& pool, std::int64_t images, const Shape& x_shape, const Shape& y_shape,
                const float* x, float* y) {
  const std::int64_t height = x_shape[0], width = x_shape[1], channels = x_shape[2];
  const float share = 1.0F / static_cast<float>(pool.kernel * pool.kernel);
  const float start = maximum ? -std::numeric_limits<float>::infinity() : 0;
  for (std::int64_t n = 0; n < images; ++n, x += x_shape.count()) {
    for (std::int64_t p = 0; p < y_shape[0]; ++p) {
      const Window rows = window(p, pool, height);
      for (std::int64_t q = 0; q < y_shape[1]; ++q, y += channels) {
        const Window columns = window(q, pool, width);
        std::fill_n(y, channels, start);
        for (std::int64_t h = rows.begin; h < rows.end; ++h)
          for (std::int64_t w = columns.begin; w < columns.end; ++w) {
            const float* pixel = x + (h * width + w) * channels;
            maximum ? keep_larger(pixel, channels, y) : add(pixel, channels, y);
          }
        if (!maximum)
          for (std::int64_t c = 0; c < channels; ++c) y[c] *= share;
      }
    }
  }
}

void copy_channels(const float* x, std::size_t count, std::int64_t width, std::int64_t stride, float* y) {
  for (const float* end = x + count; x < end; x += width, y += stride) std::copy_n(x, width, y);
}

}  // namespace basin
