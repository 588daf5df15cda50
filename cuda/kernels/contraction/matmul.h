// Matrix products on tensor cores: f32 (every value as two tf32: errors near those of f32 products; a magnitude of
// 2^128 (1 - 2^-12) or more, infinity included, gives NaN), f16, bf16; sums in f32.
// M and K are 2^30 at most, N 2,097,120 (65,535 blocks of 32).
#pragma once
#include "core/tensor.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y (M, N) = op(a) op(b), op(a) (M, K) and op(b) (K, N); a transposed operand is stored the other way round.
void matmul(Stream stream, const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y);

// Of a product of 16-byte aligned operands.
Cost matmul_cost(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a, bool transpose_b, DType type);

}  // namespace basin::cuda
