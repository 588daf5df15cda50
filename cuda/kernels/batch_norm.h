// Normalisation over the channels C of x (rows, C), rows being all axes but the last, of which there is at least one.
// x, y, residual and their gradients are f32, f16 or bf16, all alike; what belongs to channels is f32, and so is all
// arithmetic, rounded once. Null operands are absent.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = relu?(x * scale[c] + shift[c] + residual?)
void channel_affine(Stream stream, const ConstView& x, const ConstView& scale, const ConstView& shift,
                    const ConstView* residual, bool relu, const View& y);

// y = relu?((x - mean[c]) / sqrt(variance[c] + epsilon) * gamma[c] + beta[c] + residual?) with mean and biased variance
// of x over its rows (Ioffe, Szegedy 2015, algorithm 1). Two launches.
void batch_norm_training(Stream stream, const ConstView& x, const ConstView& gamma, const ConstView& beta,
                         const ConstView* residual, const BatchNorm& options, const View& y, const View& mean,
                         const View& variance);

// Its gradients; y is its output, for the relu mask; mean and variance are the batch's. Two launches.
void batch_norm_gradient(Stream stream, const ConstView& x, const ConstView& y, const ConstView& gamma,
                         const ConstView& mean, const ConstView& variance, const ConstView& grad_output,
                         const BatchNorm& options, const View& grad_x, const View& grad_gamma, const View& grad_beta,
                         const View* grad_residual);

// Of all launches, of which each reads an operand once.
Cost channel_affine_cost(DType type, std::int64_t rows, std::int64_t channels, bool residual);
Cost batch_norm_training_cost(DType type, std::int64_t rows, std::int64_t channels, bool residual);
Cost batch_norm_gradient_cost(DType type, std::int64_t rows, std::int64_t channels, bool relu, bool residual);

}  // namespace basin::cuda
