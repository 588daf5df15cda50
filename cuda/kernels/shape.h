// Values moved between shapes, of any element type; but scatter, which adds, takes f32, f16 and bf16 and sums in f32.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = x repeated along the axes where x's extent is 1: equal ranks, x's extents are y's or 1.
void expand(Stream stream, const ConstView& x, const View& y);
// y = x[.., begin : begin + y's extent, ..] along `axis`; the other extents are equal.
void read_slice(Stream stream, const ConstView& x, int axis, std::int64_t begin, const View& y);
// y[.., begin : begin + x's extent, ..] = x along `axis`; the rest of y is kept.
void write_slice(Stream stream, const ConstView& x, int axis, std::int64_t begin, const View& y);
// y[i] = x[indices[i]], flat indices i32 of y's size. Where one is outside of x, which the CPU back end refuses, all
// bits of y[i] are set: NaN in every floating-point type, -1 or the greatest value in an integer.
void gather(Stream stream, const ConstView& x, const ConstView& indices, const View& y);

// y[k] = sum of x[i] where indices[i] == k, in ascending i; 0 where there are none. Flat indices i32 of x's size, in
// any order, repeated at will; x has at most 2^30 elements. An index outside of y, which the CPU back end refuses,
// is ignored. Bitwise reproducible. Scratch: 4 bytes an element of x and of y.
void scatter(Stream stream, const ConstView& x, const ConstView& indices, const View& y);

// Of a slice of so many elements.
Cost slice_cost(std::int64_t size, DType type);

}  // namespace basin::cuda
