// The three contractions of the convolution and the matrix product as plain loops, in double precision: the oracle.
#pragma once
#include "core/operations.h"

namespace basin::cpu {

// Sizes of y (N, P, Q, K) = conv2d(x (N, H, W, C), weight (K, R, S, C / groups)).
struct ConvolutionSizes {
  ConvolutionSizes(const Shape& x, const Shape& weight, const Shape& y, const Conv2d& options);

  std::int64_t n, h, w, c, k, r, s, p, q, stride, padding, groups;
  std::int64_t group_inputs() const { return c / groups; }
  std::int64_t group_outputs() const { return k / groups; }
  // Multiply-adds of one image.
  std::int64_t work() const { return p * q * k * r * s * group_inputs(); }
  auto operator<=>(const ConvolutionSizes&) const = default;
};

void convolution_loops(const ConvolutionSizes& sizes, const double* x, const double* weight, double* y);
void convolution_input_gradient_loops(const ConvolutionSizes& sizes, const double* grad_output, const double* weight,
                                      double* grad_x);
void convolution_weight_gradient_loops(const ConvolutionSizes& sizes, const double* x, const double* grad_output,
                                       double* grad_weight);

// y (M, N) = op(a) op(b) with op(a) (M, K) and op(b) (K, N); a transposed operand is stored the other way round.
struct MatmulSizes {
  std::int64_t m, n, k;
  bool transpose_a, transpose_b;
  auto operator<=>(const MatmulSizes&) const = default;
};
void matmul_loops(const MatmulSizes& sizes, const double* a, const double* b, double* y);

}  // namespace basin::cpu
