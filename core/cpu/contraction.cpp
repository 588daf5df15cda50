// Contractions: oneDNN in f32, loops in f64.
#include "core/cpu/convolution.h"
#include "core/cpu/convolution_loops.h"
#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/matmul.h"

namespace basin::cpu {
namespace {

// A contraction without terms: zero, for kernels that do not take empty arrays.
bool filled_empty(CpuBackend& backend, std::int64_t terms, const View& y) {
  if (y.size() != 0 && terms != 0) return false;
  backend.fill(y, 0);
  return true;
}

}  // namespace

void CpuBackend::matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) {
  const MatmulSizes sizes{y.shape[0], y.shape[1], a.shape[transpose_a ? 0 : 1], transpose_a, transpose_b};
  if (filled_empty(*this, sizes.k, y)) return;
  if (y.dtype == DType::f32) return matmul_f32(sizes, a.as<float>(), b.as<float>(), y.as<float>());
  dispatch_float(y.dtype, "matmul", [&](auto) { matmul_loops(sizes, a.as<double>(), b.as<double>(), y.as<double>()); });
}

void CpuBackend::conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) {
  if (filled_empty(*this, x.size() * weight.size(), y)) return;
  const ConvolutionSizes sizes(x.shape, weight.shape, y.shape, options);
  if (y.dtype == DType::f32) return convolution_f32(sizes, x.as<float>(), weight.as<float>(), y.as<float>());
  dispatch_float(y.dtype, "conv2d",
                 [&](auto) { convolution_loops(sizes, x.as<double>(), weight.as<double>(), y.as<double>()); });
}

void CpuBackend::conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                                       const View& grad_x) {
  if (filled_empty(*this, grad_output.size() * weight.size(), grad_x)) return;
  const ConvolutionSizes sizes(grad_x.shape, weight.shape, grad_output.shape, options);
  if (grad_x.dtype == DType::f32)
    return convolution_input_gradient_f32(sizes, grad_output.as<float>(), weight.as<float>(), grad_x.as<float>());
  dispatch_float(grad_x.dtype, "conv2d_input_gradient", [&](auto) {
    convolution_input_gradient_loops(sizes, grad_output.as<double>(), weight.as<double>(), grad_x.as<double>());
  });
}

void CpuBackend::conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                                        const View& grad_weight) {
  if (filled_empty(*this, x.size() * grad_output.size(), grad_weight)) return;
  const ConvolutionSizes sizes(x.shape, grad_weight.shape, grad_output.shape, options);
  if (grad_weight.dtype == DType::f32)
    return convolution_weight_gradient_f32(sizes, x.as<float>(), grad_output.as<float>(), grad_weight.as<float>());
  dispatch_float(grad_weight.dtype, "conv2d_weight_gradient", [&](auto) {
    convolution_weight_gradient_loops(sizes, x.as<double>(), grad_output.as<double>(), grad_weight.as<double>());
  });
}

}  // namespace basin::cpu
