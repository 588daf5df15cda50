// Sums over axes: f32, f16 or bf16, added in f32 and rounded once.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = x summed over the axes where y's extent is 1: equal ranks, y's extents are x's or 1. Any axes, any number.
void reduce_sum(Stream stream, const ConstView& x, const View& y);

// Of the sum over the middle axis of (outer, middle, inner).
Cost sum_middle_cost(DType type, std::int64_t outer, std::int64_t middle, std::int64_t inner);

}  // namespace basin::cuda
