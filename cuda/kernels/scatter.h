// The adjoint of gather: f32, f16, bf16; sums in f32.
#pragma once
#include "core/backend.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y[k] = sum of x[i] where indices[i] == k, in ascending i; 0 where there are none. Flat indices i32 of x's size, in
// any order, repeated at will; x has at most 2^30 elements. An index outside of y, which the CPU back end refuses,
// is ignored. Bitwise reproducible. Scratch: 4 bytes an element of x and of y.
void scatter(Stream stream, const ConstView& x, const ConstView& indices, const View& y);

}  // namespace basin::cuda
