#include "landscape/hessian/lanczos.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/backend.h"
#include "landscape/parameter_space.h"

namespace basin {
namespace {

// Rows of the basis that are added together, zero at first: products with it then have few shapes.
constexpr std::int64_t kRows = 8;
std::int64_t round_up(std::int64_t rows) { return (rows + kRows - 1) / kRows * kRows; }

using Decomposition = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;

Decomposition decompose(const std::vector<double>& diagonal, const std::vector<double>& off_diagonal) {
  const auto size = static_cast<Eigen::Index>(diagonal.size());
  const Eigen::VectorXd main = Eigen::Map<const Eigen::VectorXd>(diagonal.data(), size);
  const Eigen::VectorXd side = Eigen::Map<const Eigen::VectorXd>(off_diagonal.data(), size - 1);
  Decomposition result;
  result.computeFromTridiagonal(main, side);
  check(result.info() == Eigen::Success, "lanczos: the eigenvalues of a ", size, " x ", size,
        " tridiagonal matrix did not converge");
  return result;
}

}  // namespace

Lanczos::Lanczos(SymmetricOperator apply, const Tensor& start, std::int64_t most)
    : apply_(std::move(apply)), size_(start.size()), most_(std::min(most, start.size())) {
  check(most_ > 0, "lanczos: ", most, " steps in ", size_, " dimensions");
  const double norm = length(start);
  check(std::isfinite(norm) && norm > 0, "lanczos: a start of length ", norm);
  basis_ = Tensor::empty({round_up(most_ + 1), size_}, start.dtype(), start.backend());
  set_basis(0, scaled(start, 1 / norm));
}

void Lanczos::set_basis(std::int64_t row, const Tensor& vector) {
  Backend& backend = basis_.backend();
  if (row % kRows == 0) backend.fill(basis_.rows(row, row + kRows).mutable_view(), 0);
  backend.write_slice(vector.viewed_as({1, size_}).view(), 0, row, basis_.mutable_view());
}

Tensor Lanczos::orthogonal(Tensor w) const {
  const Recording off(false);
  const Tensor basis = basis_.rows(0, round_up(steps() + 1));
  for (int turn = 0; turn < 2; ++turn) {
    const Tensor shares = matmul(basis, reshape(w, {size_, 1}));            // (k, 1)
    w = w - reshape(matmul(shares, basis, /*transpose_a=*/true), {size_});  // (n)
  }
  return w;
}

bool Lanczos::finished() const {
  if (steps() == most_) return true;
  // A beta at the level of rounding: the Krylov space is invariant.
  if (off_diagonal_.empty()) return false;
  double scale = 0;
  for (std::size_t i = 0; i < diagonal_.size(); ++i)
    scale = std::max(scale, std::abs(diagonal_[i]) + (i > 0 ? off_diagonal_[i - 1] : 0));
  const double unit = basis_.dtype() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                   : static_cast<double>(std::numeric_limits<float>::epsilon());
  return !(off_diagonal_.back() > scale * unit * std::sqrt(static_cast<double>(size_)));
}

bool Lanczos::step() {
  if (finished()) return false;
  const std::int64_t k = steps();
  const Tensor v = basis_.rows(k, k + 1).viewed_as({size_});
  Tensor w = apply_(v);
  const double share = inner_product(v, w);
  if (!std::isfinite(share)) fail<NotFinite>("lanczos: the product with vector ", k, " is not finite");
  w = orthogonal(w);
  const double rest = length(w);
  diagonal_.push_back(share);
  off_diagonal_.push_back(rest);
  const bool more = !finished();
  set_basis(k + 1, scaled(w, more ? 1 / rest : 0));
  return true;
}

std::vector<RitzValue> Lanczos::ritz() const {
  check(steps() > 0, "lanczos: no step was made");
  const Decomposition t = decompose(diagonal_, off_diagonal_);
  std::vector<RitzValue> values;
  const Eigen::Index size = t.eigenvalues().size();
  for (Eigen::Index i = 0; i < size; ++i) {
    const double first = t.eigenvectors()(0, i), last = t.eigenvectors()(size - 1, i);
    values.push_back({t.eigenvalues()(i), off_diagonal_.back() * std::abs(last), first * first});
  }
  return values;
}

Tensor Lanczos::vector(std::size_t index) const {
  const Decomposition t = decompose(diagonal_, off_diagonal_);
  check(static_cast<Eigen::Index>(index) < t.eigenvalues().size(), "lanczos: Ritz vector ", index, " of ", steps());
  const Eigen::VectorXd shares = t.eigenvectors().col(static_cast<Eigen::Index>(index));
  std::vector<double> exact(shares.data(), shares.data() + shares.size());
  Backend& backend = basis_.backend();
  const Tensor weights = basis_.dtype() == DType::f64
                             ? Tensor::from({1, steps()}, exact, backend)
                             : Tensor::from({1, steps()}, std::vector<float>(exact.begin(), exact.end()), backend);
  const Recording off(false);
  const Tensor y = reshape(matmul(weights, basis_.rows(0, steps())), {size_});
  return scaled(y, 1 / length(y));
}

}  // namespace basin
