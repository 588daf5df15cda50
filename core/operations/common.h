// Shared by the operation files: making the output tensor of a kernel.
#pragma once
#include "core/backend.h"

namespace basin {

inline Tensor empty_like(const Tensor& x) { return Tensor::empty(x.shape(), x.dtype(), x.backend()); }
inline Tensor empty_like(const Tensor& x, const Shape& shape) { return Tensor::empty(shape, x.dtype(), x.backend()); }

inline void check_floating(const char* operation, const Tensor& x) {
  check(x.backend().computes(x.dtype()), operation, ": ", x.backend().name(), " does not compute in ", x.dtype());
}
// Two operands of one kernel.
inline void check_alike(const char* operation, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), operation, ": operands of ", a.dtype(), " and ", b.dtype());
  check(&a.backend() == &b.backend(), operation, ": operands on ", a.backend().name(), " and ", b.backend().name());
}
// A per-channel vector (C) for an activation whose last axis is C; f32 for f16 and bf16.
inline void check_channels(const char* operation, const char* what, const Tensor& vector, const Tensor& x) {
  check(vector.shape() == Shape{x.dim(-1)}, operation, ": ", what, " ", vector.shape(),
        " does not fit the channels of ", x.shape());
  check(vector.dtype() == channel_dtype(x.dtype()), operation, ": ", what, " of ", vector.dtype(), " for ", x.dtype());
  check(&vector.backend() == &x.backend(), operation, ": operands on ", vector.backend().name(), " and ",
        x.backend().name());
}

}  // namespace basin
