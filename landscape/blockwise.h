// The plain loops of the CPU engines over a block of NHWC activations. NaN stays NaN in each of them.
#pragma once
#include <cstddef>
#include <span>

#include "core/operations.h"

namespace basin {

// max |x[i]|; NaN if there is one.
double largest_magnitude(const float* x, std::size_t count);

// y = x < 0 ? 0 : x, in place.
void relu_block(std::size_t count, float* y);

// y += x
void add_block(const float* x, std::size_t count, float* y);

// y = relu?(x * scale[c] + shift[c] + residual?), channels last; y may be x. residual may be null.
void affine_block(const float* x, std::span<const float> scale, std::span<const float> shift, const float* residual,
                  bool relu, std::size_t count, float* y);

// x (images, H, W, C) -> y (images, P, Q, C), the larger or the mean over each window; the mean divides by kernel^2,
// padding counted as 0, the maximum is over what lies inside.
void pool_block(bool maximum, const Pool2d& pool, std::int64_t images, const Shape& x_shape, const Shape& y_shape,
                const float* x, float* y);

// Copies `count` values in rows of `width` to the beginning of rows of `stride`.
void copy_channels(const float* x, std::size_t count, std::int64_t width, std::int64_t stride, float* y);

}  // namespace basin
