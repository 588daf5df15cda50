// Convolutions on tensor cores, as matrix products whose operands are read from x, weight and grad_output in place:
// x (N, H, W, C), weight (K, R, S, C / groups), y and grad_output (N, P, Q, K). f32, f16, bf16, all alike; sums in f32.
// f32 values are multiplied as two tf32: errors near those of f32 products; a magnitude of 2^128 (1 - 2^-12) or
// more, infinity included, gives NaN.
// One image has fewer than 2^31 elements; N P Q, N H W and R S C are 2^30 at most, the channels and the filters of a
// group 2,097,120 (65,535 blocks of 32), groups 65,535.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

void conv2d(Stream stream, const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y);
void conv2d_input_gradient(Stream stream, const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                           const View& grad_x);
void conv2d_weight_gradient(Stream stream, const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                            const View& grad_weight);

// Of each of the three, with 16-byte aligned operands.
Cost conv2d_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type);
Cost conv2d_input_gradient_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type);
Cost conv2d_weight_gradient_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type);

}  // namespace basin::cuda
