// Operators and networks whose Hessian spectrum is known exactly.
#pragma once
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/backend.h"
#include "landscape/hessian/probes.h"
#include "landscape/loss_function.h"
#include "tests/landscape/landscape_values.h"

namespace basin {

// H diag(values) H for a Householder reflection H = I - 2 u u^T with a random unit u: `values` are its eigenvalues, and
// it is not diagonal. In f64, or f32.
inline SymmetricOperator reflected_diagonal(const std::vector<double>& values, DType type = DType::f64) {
  const auto size = static_cast<std::int64_t>(values.size());
  Backend& backend = cpu_backend();
  const Tensor diagonal = type == DType::f64
                              ? Tensor::from({size}, values, backend)
                              : Tensor::from({size}, std::vector<float>(values.begin(), values.end()), backend);
  Tensor u = normal_probe({size, type, &backend}, 5, "householder", 0);
  u = scaled(u, 1 / length(u));
  const auto reflect = [u](const Tensor& v) { return sum_of(v, -2 * inner_product(u, v), u); };
  return [=](const Tensor& v) {
    const Recording off(false);
    return reflect(diagonal * reflect(v));
  };
}

// Q diag(values) Q^T for a random orthogonal Q, in f64.
inline SymmetricOperator rotated_diagonal(const std::vector<double>& values) {
  const auto size = static_cast<Eigen::Index>(values.size());
  const Tensor random = normal_probe({size * size, DType::f64, &cpu_backend()}, 6, "rotation", 0);
  const Eigen::MatrixXd q =
      Eigen::HouseholderQR<Eigen::MatrixXd>(Eigen::Map<const Eigen::MatrixXd>(random.view().as<double>(), size, size))
          .householderQ();
  const Eigen::MatrixXd a = q * Eigen::Map<const Eigen::VectorXd>(values.data(), size).asDiagonal() * q.transpose();
  const Tensor matrix =
      Tensor::from({size, size}, std::span(a.data(), static_cast<std::size_t>(a.size())), cpu_backend());
  return [=](const Tensor& v) {
    const Recording off(false);
    return reshape(matmul(matrix, reshape(v, {size, 1})), {size});
  };
}

// A linear classifier of 2 x 2 images, without a bias that moves: at zero weights softmax is uniform, and the Hessian
// of the mean cross-entropy is (I / C - 1 1^T / C^2) (x) X^T X / N: the eigenvalues of X^T X / (N C), C - 1 times each,
// and zeros.
struct LinearClassifier {
  static constexpr std::int64_t kClasses = 4, kFeatures = 12;
  Model model{"linear", kClasses, Shape{2, 2, 3},
              [](const Scope& s, const Tensor& x) { return s.linear("linear", x, {.outputs = kClasses}); }};
  State state = zero_state(model);
  Images images = random_pixels(50, 3, kClasses, {2, 2, 3});
  Normalization normalization{{0.5, 0.4, 0.3}, {0.2, 0.3, 0.25}};

  static State zero_state(const Model& model) {
    State state = initialize(model, 1, cpu_backend(), DType::f64);
    for (Entry& entry : state.entries()) entry.value = zeros_like(entry.value);
    return state;
  }
  LossFunction loss(const LossOptions& options = {.dtype = DType::f64}) const {
    return {model, state, ParameterSpace(state, {"linear.weight"}), images, normalization, cpu_backend(), options};
  }
};

}  // namespace basin
