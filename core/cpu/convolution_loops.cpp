#include "core/cpu/convolution_loops.h"

#include <algorithm>

#include "core/parallel.h"

namespace basin::cpu {
namespace {

// f(p, h) over the output positions p whose tap r falls on a valid input position h.
template <class F>
void for_each_tap(std::int64_t outputs, std::int64_t inputs, std::int64_t tap, const ConvolutionSizes& z, const F& f) {
  for (std::int64_t p = 0; p < outputs; ++p) {
    const std::int64_t h = p * z.stride - z.padding + tap;
    if (h >= 0 && h < inputs) f(p, h);
  }
}

// f(r, s, y offset of (p, q), x offset of (h, w)) over all pairs of an image's pixels that a tap connects.
template <class F>
void for_each_pair(const ConvolutionSizes& z, const F& f) {
  for (std::int64_t r = 0; r < z.r; ++r)
    for (std::int64_t s = 0; s < z.s; ++s)
      for_each_tap(z.p, z.h, r, z, [&](std::int64_t p, std::int64_t h) {
        for_each_tap(z.q, z.w, s, z,
                     [&](std::int64_t q, std::int64_t w) { f(r, s, (p * z.q + q) * z.k, (h * z.w + w) * z.c); });
      });
}

}  // namespace

ConvolutionSizes::ConvolutionSizes(const Shape& x, const Shape& weight, const Shape& y, const Conv2d& options)
    : n(x[0]),
      h(x[1]),
      w(x[2]),
      c(x[3]),
      k(weight[0]),
      r(weight[1]),
      s(weight[2]),
      p(y[1]),
      q(y[2]),
      stride(options.stride),
      padding(options.padding),
      groups(options.groups) {}

void convolution_loops(const ConvolutionSizes& z, const double* x, const double* weight, double* y) {
  const std::int64_t inputs = z.group_inputs(), outputs = z.group_outputs();
  parallel_for(z.n, [=](std::int64_t n) {
    const double* image = x + n * z.h * z.w * z.c;
    double* out = y + n * z.p * z.q * z.k;
    std::fill_n(out, z.p * z.q * z.k, 0.0);
    for_each_pair(z, [&](std::int64_t r, std::int64_t s, std::int64_t pq, std::int64_t hw) {
      for (std::int64_t k = 0; k < z.k; ++k) {
        const double* pixel = image + hw + k / outputs * inputs;
        const double* filter = weight + ((k * z.r + r) * z.s + s) * inputs;
        double sum = 0;
        for (std::int64_t c = 0; c < inputs; ++c) sum += pixel[c] * filter[c];
        out[pq + k] += sum;
      }
    });
  });
}

void convolution_input_gradient_loops(const ConvolutionSizes& z, const double* grad_output, const double* weight,
                                      double* grad_x) {
  const std::int64_t inputs = z.group_inputs(), outputs = z.group_outputs();
  parallel_for(z.n, [=](std::int64_t n) {
    const double* grad = grad_output + n * z.p * z.q * z.k;
    double* image = grad_x + n * z.h * z.w * z.c;
    std::fill_n(image, z.h * z.w * z.c, 0.0);
    for_each_pair(z, [&](std::int64_t r, std::int64_t s, std::int64_t pq, std::int64_t hw) {
      for (std::int64_t k = 0; k < z.k; ++k) {
        double* pixel = image + hw + k / outputs * inputs;
        const double* filter = weight + ((k * z.r + r) * z.s + s) * inputs;
        for (std::int64_t c = 0; c < inputs; ++c) pixel[c] += grad[pq + k] * filter[c];
      }
    });
  });
}

void convolution_weight_gradient_loops(const ConvolutionSizes& z, const double* x, const double* grad_output,
                                       double* grad_weight) {
  const std::int64_t inputs = z.group_inputs(), outputs = z.group_outputs();
  std::fill_n(grad_weight, z.k * z.r * z.s * inputs, 0.0);
  parallel_for(z.k, [=](std::int64_t k) {
    for (std::int64_t n = 0; n < z.n; ++n) {
      const double* image = x + n * z.h * z.w * z.c + k / outputs * inputs;
      const double* grad = grad_output + n * z.p * z.q * z.k + k;
      for_each_pair(z, [&](std::int64_t r, std::int64_t s, std::int64_t pq, std::int64_t hw) {
        double* filter = grad_weight + ((k * z.r + r) * z.s + s) * inputs;
        for (std::int64_t c = 0; c < inputs; ++c) filter[c] += grad[pq] * image[hw + c];
      });
    }
  });
}

void matmul_loops(const MatmulSizes& z, const double* a, const double* b, double* y) {
  parallel_for(z.m, [=](std::int64_t m) {
    double* row = y + m * z.n;
    std::fill_n(row, z.n, 0.0);
    for (std::int64_t k = 0; k < z.k; ++k) {
      const double value = z.transpose_a ? a[k * z.m + m] : a[m * z.k + k];
      const double* column = z.transpose_b ? b + k : b + k * z.n;
      const std::int64_t step = z.transpose_b ? z.k : 1;
      for (std::int64_t n = 0; n < z.n; ++n) row[n] += value * column[n * step];
    }
  });
}

}  // namespace basin::cpu
