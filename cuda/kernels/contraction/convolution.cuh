// What the three convolutions share on the host.
#pragma once
#include <algorithm>
#include <initializer_list>

#include "core/cpu/convolution_loops.h"
#include "cuda/kernels/contraction/contraction.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {

using cpu::ConvolutionSizes;

inline ConvolutionSizes checked_sizes(const Shape& x, const Shape& weight, const Shape& y, const Conv2d& options,
                                      const char* name) {
  check(conv2d_shape(x, weight, options) == y, name, ": ", x, " and ", weight, " do not give ", y);
  const ConvolutionSizes sizes(x, weight, y, options);
  constexpr std::int64_t kMostElements = (std::int64_t{1} << 31) - 1, kMostExtent = std::int64_t{1} << 28;
  check(sizes.h * sizes.w * sizes.c <= kMostElements && sizes.p * sizes.q * sizes.k <= kMostElements, name,
        ": an image of ", x, " or ", y, " is too large");
  check(std::max({sizes.h, sizes.w, sizes.r, sizes.s, sizes.padding, sizes.stride}) <= kMostExtent, name, ": ", x, ", ",
        weight, ", stride ", sizes.stride, " or padding ", sizes.padding, " is too large");
  return sizes;
}

// May data of `type` with so many neighbouring channels be read 16 bytes at a time?
inline bool in_vectors(DType type, std::initializer_list<std::int64_t> channels,
                       std::initializer_list<const void*> data) {
  const auto width = static_cast<std::int64_t>(16 / size_of(type));
  return std::all_of(channels.begin(), channels.end(), [&](std::int64_t c) { return c % width == 0; }) &&
         std::all_of(data.begin(), data.end(), aligned_to_vectors);
}

inline Divider divider(std::int64_t extent) { return Divider(std::max<std::int64_t>(extent, 1)); }

template <class T>
Patches<T> patches_of(const ConvolutionSizes& z, const ConstView& x) {
  return {.values = global<T>(x),
          .rows = static_cast<int>(z.n * z.p * z.q),
          .columns = static_cast<int>(z.r * z.s * z.group_inputs()),
          .by_q = divider(z.q),
          .by_p = divider(z.p),
          .by_s = divider(z.s),
          .by_c = divider(z.group_inputs()),
          .height = static_cast<int>(z.h),
          .width = static_cast<int>(z.w),
          .channels = static_cast<int>(z.c),
          .stride = static_cast<int>(z.stride),
          .padding = static_cast<int>(z.padding),
          .group_channels = static_cast<int>(z.group_inputs())};
}

// Pairs of a pixel of an image's output and a tap that falls on a pixel of its input.
inline std::int64_t covered_pairs(const ConvolutionSizes& z) {
  const auto along = [&](std::int64_t outputs, std::int64_t inputs, std::int64_t taps) {
    std::int64_t pairs = 0;
    for (std::int64_t p = 0; p < outputs; ++p) {
      const std::int64_t first = p * z.stride - z.padding;
      pairs += std::max<std::int64_t>(0, std::min(inputs, first + taps) - std::max<std::int64_t>(0, first));
    }
    return pairs;
  };
  return along(z.p, z.h, z.r) * along(z.q, z.w, z.s);
}

inline std::int64_t tiles(std::int64_t extent, std::int64_t tile) { return (extent + tile - 1) / tile; }

}  // namespace basin::cuda
