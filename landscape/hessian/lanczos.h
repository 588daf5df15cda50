// The Lanczos iteration on a symmetric operator that is known by its products with vectors alone.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"

namespace basin {

// A product was not finite.
class NotFinite : public Error {
 public:
  using Error::Error;
};

// v (n) -> A v (n), A symmetric; f32 or f64 on any back end.
using SymmetricOperator = std::function<Tensor(const Tensor&)>;

// An eigenvalue of the tridiagonal matrix T_k.
struct RitzValue {
  double value = 0;
  // |A y - value y| for the unit Ritz vector y: beta_k |last component of T's eigenvector|. Some eigenvalue of A is
  // this close to `value` (Parlett 1998, theorem 4.5.1), rounding aside.
  double residual = 0;
  double weight = 0;  // the square of the first component of T's eigenvector: Gauss quadrature's
};

// Builds an orthonormal basis of the Krylov space of `start`, one product a step, each new vector orthogonalised twice
// against all earlier ones (Parlett 1998, section 6.9: "twice is enough"; Golub, Van Loan 2013, section 10.1).
class Lanczos {
 public:
  // `start` (n) is not zero. At most `most` steps will be made; the basis takes their number times n elements.
  Lanczos(SymmetricOperator apply, const Tensor& start, std::int64_t most);

  // One more step; NotFinite if its product is not. False, and nothing is done, where the space is invariant (its Ritz
  // values are eigenvalues then) or has `most` dimensions.
  bool step();

  std::int64_t steps() const { return static_cast<std::int64_t>(diagonal_.size()); }
  bool finished() const;                   // step() would do nothing
  std::vector<RitzValue> ritz() const;     // ascending
  Tensor vector(std::size_t index) const;  // the unit Ritz vector (n) of ritz()[index]

  const std::vector<double>& diagonal() const { return diagonal_; }          // alpha_1 ... alpha_k
  const std::vector<double>& off_diagonal() const { return off_diagonal_; }  // beta_1 ... beta_k; the last leads on

 private:
  void set_basis(std::int64_t row, const Tensor& vector);
  Tensor orthogonal(Tensor w) const;

  SymmetricOperator apply_;
  std::int64_t size_, most_;
  Tensor basis_;  // (most, n): the first steps() + 1 rows are there
  std::vector<double> diagonal_, off_diagonal_;
};

}  // namespace basin
