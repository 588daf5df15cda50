// Activations between the tile kernels' layout and plain float32 (images, height, width, channels), and the pooling
// that reads the former.
#pragma once
#include <cstddef>

#include "landscape/amx/layout.h"

namespace basin::amx {

// `count` images; those of the last group that are behind them are left alone. The halo of y must be zero already.
void pack(const float* x, std::int64_t count, std::int64_t channels, const Layout& layout, std::byte* y);
void unpack(const std::byte* x, const Layout& layout, std::int64_t count, std::int64_t channels, float* y);

// y[y, x] = the largest of the 2 x 2 values from (2 y, 2 x) on. Equal channels and parts; x is not
// split.
void max_pool_2x2(const std::byte* x, const Layout& x_layout, std::int64_t count, const Layout& y_layout, std::byte* y);

// y (count, channels): the mean over all positions; summed line by line in float32. x is not split.
void average_pool(const std::byte* x, const Layout& layout, std::int64_t count, std::int64_t channels, float* y);

// Images (count, height, width, channels <= 4) -> what the stem reads: (height + 2, width + 4, 4 values), with two
// parts (height + 2, width + 4, 4 values and 4 rests), bf16, with a halo of zeros; `image_bytes` each.
void pack_images(const float* x, std::int64_t count, std::int64_t height, std::int64_t width, std::int64_t channels,
                 std::int64_t parts, std::byte* y);
std::int64_t image_bytes(std::int64_t height, std::int64_t width, std::int64_t parts);
std::int64_t image_line(std::int64_t width, std::int64_t parts);  // bytes

// max |value| of `count` images, NaN if there is one; the halo counts as 0.
double largest_magnitude(const std::byte* x, const Layout& layout, std::int64_t count);

}  // namespace basin::amx
