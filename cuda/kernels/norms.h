// Norms, and tests for what is not finite: f32, f16, bf16; sums in double, in an order that the extents fix.
#pragma once
#include "core/backend.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// Given to the host: they wait for the stream.
double sum_of_squares(Stream stream, const ConstView& x);
bool all_finite(Stream stream, const ConstView& x);

// norms[r] = Euclidean norm of x[r, :]; x (F, ...), norms f32 (F).
void filter_norms(Stream stream, const ConstView& x, const View& norms);

}  // namespace basin::cuda
