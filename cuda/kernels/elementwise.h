// One value out for one value in: f32, f16 or bf16, the same for all arguments; computed in float. NaN in gives NaN
// out, in relu, maximum and minimum too.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y = f(x), y = f(a, b); all of one shape.
void unary(Stream stream, Unary f, const ConstView& x, const View& y);
void binary(Stream stream, Binary f, const ConstView& a, const ConstView& b, const View& y);
// y = scale * x + shift; y may be x.
void affine(Stream stream, const ConstView& x, double scale, double shift, const View& y);
// y = a where mask != 0, else b.
void select(Stream stream, const ConstView& mask, const ConstView& a, const ConstView& b, const View& y);
void fill(Stream stream, const View& y, double value);  // any dtype; value rounded to it

// Of a kernel with so many inputs and `flops` operations an element.
Cost elementwise_cost(DType type, std::int64_t size, int inputs, int flops);

}  // namespace basin::cuda
