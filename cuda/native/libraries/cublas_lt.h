// Matrix products by cuBLASLt, row-major: f32 (no TF32), f16 and bf16 (sums in f32).
#pragma once
#include <memory>

#include "core/backend.h"
#include "cuda/installation.h"
#include "cuda/runtime.h"

namespace basin::cuda {

class Products {
 public:
  virtual ~Products() = default;
  // Starts y = op(a) op(b) in the stream. False, with nothing started, where cuBLASLt has no algorithm for the case or
  // an operand is empty. The algorithm depends on shapes, type, alignment and device alone and is kept; its partial
  // sums are added in a fixed order; choosing it runs nothing on the device.
  virtual bool matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) = 0;
};

FoundLibrary find_cublas_lt();
// For the selected device, in `stream`. Error, in one line, where cuBLASLt cannot be loaded or started.
std::unique_ptr<Products> open_cublas_lt(Stream stream);

}  // namespace basin::cuda
