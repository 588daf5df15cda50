// Shared by the operation files: making the output tensor of a kernel.
#pragma once
#include "core/backend.h"

namespace basin {

inline Tensor empty_like(const Tensor& x) { return Tensor::empty(x.shape(), x.dtype(), x.backend()); }
inline Tensor empty_like(const Tensor& x, const Shape& shape) { return Tensor::empty(shape, x.dtype(), x.backend()); }

inline void check_floating(const char* operation, const Tensor& x) {
  check(x.dtype() == DType::f32 || x.dtype() == DType::f64, operation, ": takes f32 or f64, not ", x.dtype());
}
// Two operands of one kernel.
inline void check_alike(const char* operation, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(), operation, ": operands of ", a.dtype(), " and ", b.dtype());
  check(&a.backend() == &b.backend(), operation, ": operands on ", a.backend().name(), " and ", b.backend().name());
}
// A per-channel vector (C) for an activation whose last axis is C.
inline void check_channels(const char* operation, const char* what, const Tensor& vector, const Tensor& x) {
  check(vector.shape() == Shape{x.dim(-1)}, operation, ": ", what, " ", vector.shape(),
        " does not fit the channels of ", x.shape());
  check_alike(operation, vector, x);
}

}  // namespace basin
