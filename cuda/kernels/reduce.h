// Sums over axes, f32.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = x summed over the axes where y's extent is 1: equal ranks, y's extents are x's or 1. Any axes, any number.
void reduce_sum(Stream stream, const ConstView& x, const View& y);

// y (outer, inner) = sum over the middle axis of x (outer, middle, inner).
void sum_middle(Stream stream, const float* x, std::int64_t outer, std::int64_t middle, std::int64_t inner, float* y);
Cost sum_middle_cost(std::int64_t outer, std::int64_t middle, std::int64_t inner);

}  // namespace basin::cuda
