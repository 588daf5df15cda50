// From the core's views to what kernels take.
#pragma once
#include "core/tensor.h"
#include "cuda/launch.h"

namespace basin::cuda {

template <class T>
Global<const T> global(const ConstView& x) {
  check(x.dtype == dtype_of<T>, "cuda: a kernel takes ", dtype_of<T>, ", found ", x.dtype);
  return Global<const T>(x.as<T>(), x.size());
}
template <class T>
Global<T> global(const View& y) {
  check(y.dtype == dtype_of<T>, "cuda: a kernel takes ", dtype_of<T>, ", found ", y.dtype);
  return Global<T>(y.as<T>(), y.size());
}
// A null view is an absent operand.
template <class T>
Global<const T> global(const ConstView* x) {
  return x ? global<T>(*x) : Global<const T>();
}
template <class T>
Global<T> global(const View* y) {
  return y ? global<T>(*y) : Global<T>();
}

// May the data be read 16 bytes at a time?
inline bool aligned_to_vectors(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }

}  // namespace basin::cuda
