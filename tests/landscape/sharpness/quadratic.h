// Losses whose sharpness is known in closed form.
#pragma once
#include <vector>

#include "core/backend.h"
#include "landscape/hessian/lanczos.h"
#include "landscape/sharpness/mean_loss.h"
#include "tests/landscape/hessian/known_spectrum.h"

namespace basin {

inline Tensor vector_of(const std::vector<double>& values) {
  return Tensor::from({static_cast<std::int64_t>(values.size())}, values, cpu_backend());
}

// L(w) = value + g . (w - w0) + (w - w0) . H (w - w0) / 2, in f64. Its "images" are multiples of it, of mean 1.
struct Quadratic {
  double value;
  Tensor center, gradient;
  SymmetricOperator hessian;
  std::vector<double> shares{0.5, 1.5, 0.25, 1.75};

  double at(const Tensor& point) const {
    const Tensor x = sum_of(point, -1, center);
    return value + inner_product(gradient, x) + inner_product(x, hessian(x)) / 2;
  }
  MeanLoss loss() const {
    return {[this](const Tensor& point) {
              std::vector<double> terms;
              for (const double share : shares) terms.push_back(share * at(point));
              return terms;
            },
            [this](const Tensor& point) {
              return ValueAndGradient{at(point), sum_of(gradient, 1, hessian(sum_of(point, -1, center)))};
            }};
  }
  // The standard error of the mean of `shares`.
  double share_error() const { return estimate_of(std::span<const double>(shares)).error; }
};

inline SymmetricOperator diagonal(const std::vector<double>& values) {
  return [d = vector_of(values)](const Tensor& v) {
    const Recording off(false);
    return d * v;
  };
}

}  // namespace basin
