// Convolutions and linear layers of many points in one launch, with what follows them in a network: shift, residual,
// relu.
#pragma once
#include "core/operations.h"
#include "core/tensor.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// A contraction of a plan's stage at `points` points. A linear layer is the convolution of an image of one pixel whose
// channels are its inputs.
struct PointContraction {
  std::int64_t points = 1, images = 1;
  Shape x, weight, y;  // of an image and point: (H, W, C), (K, R, S, C / groups), (P, Q, K)
  Conv2d options = {};
  bool shared_input = false;  // x is the same at all points
  bool relu = false;
};

// What a point's results are computed from, and where they go.
struct PointOperands {
  ConstView x;                     // (points, images, H, W, C), or (images, H, W, C) where the input is shared
  const void* weights = nullptr;   // of x's type, folded; those of the next point follow after `weight_stride`
  std::int64_t weight_stride = 0;  // elements; a multiple of 16 bytes, as the address is
  const float* shifts = nullptr;   // (K), those of the next point after `shift_stride` floats
  std::int64_t shift_stride = 0;
  const void* residual = nullptr;      // null, or (points, images, P, Q, K) of y's type; may be y
  View y;                              // (points, images, P, Q, K) of x's type, or f32
  std::int32_t* overflowed = nullptr;  // null, or (points, images): counts up where a value of y is infinite or NaN
};

// y = relu?(sum over taps of x * weight + shift[k] + residual?), f32, f16 or bf16, rounded once from f32; products as
// conv2d.h says. relu keeps NaN. Up to 65,535 points times groups.
void contract_points(Stream stream, const PointContraction& contraction, const PointOperands& operands);

// With 16-byte aligned operands; without residual. `type` of x, `result` of y.
Cost contract_points_cost(const PointContraction& contraction, DType type, DType result);
// Operations of tensor cores, m16n8k16 or for f32 m16n8k8.
std::int64_t contract_points_mma(const PointContraction& contraction, DType type);

}  // namespace basin::cuda
