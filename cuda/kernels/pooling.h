// Windows over H and W of x (N, H, W, C), y (N, P, Q, C): f32, f16, bf16; sums in f32.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = the greatest value of each window, indices (i32, y's shape) its flat position in x, which has fewer than 2^31
// elements. Of equals the first in row order; a NaN, the first of several, is greater than any number.
void max_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y, const View& indices);
void max_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y);  // without the positions
// grad_x[i] = sum of grad_output where indices == i, in ascending order; each index is one of its window's.
void max_pool2d_gradient(Stream stream, const ConstView& grad_output, const ConstView& indices, const Pool2d& options,
                         const View& grad_x);
// y = the sum of each window / kernel^2, padding counted as zeros.
void average_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y);
// Its adjoint: grad_x = the sum of grad_output over the windows that cover it / kernel^2.
void average_pool2d_gradient(Stream stream, const ConstView& grad_output, const Pool2d& options, const View& grad_x);

// Of each of the four: x is the shape before pooling.
Cost max_pool2d_cost(const Shape& x, const Pool2d& options, DType type);
Cost max_pool2d_gradient_cost(const Shape& x, const Pool2d& options, DType type);
Cost average_pool2d_cost(const Shape& x, const Pool2d& options, DType type);
Cost average_pool2d_gradient_cost(const Shape& x, const Pool2d& options, DType type);

}  // namespace basin::cuda
