// A convolution before its operands are known: what an implementation is chosen by.
#pragma once
#include <cstdint>
#include <tuple>

#include "cuda/contractions.h"

namespace basin::cuda {

enum class ConvolutionKind : std::uint8_t { forward, input_gradient, weight_gradient };

struct ConvolutionCase {
  ConvolutionKind kind = ConvolutionKind::forward;
  DType type = DType::f32;
  Conv2d options;
  Shape x, weight, y;  // (N, H, W, C), (K, R, S, C / groups), (N, P, Q, K): two operands and the output

  std::int64_t input_channels() const { return x[3] / options.groups; }  // of a group
  std::int64_t output_channels() const { return weight[0] / options.groups; }
  bool empty() const { return x.count() == 0 || weight.count() == 0 || y.count() == 0; }
  auto key() const { return std::tie(kind, type, options.stride, options.padding, options.groups, x, weight, y); }
  friend bool operator<(const ConvolutionCase& a, const ConvolutionCase& b) { return a.key() < b.key(); }
};

// The case's function of `contractions`; a, b and output are in the order of its arguments.
void run_convolution(Contractions& contractions, const ConvolutionCase& convolution, const void* a, const void* b,
                     void* output);

}  // namespace basin::cuda
