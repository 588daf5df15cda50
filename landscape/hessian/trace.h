// The trace of a symmetric operator from its products with random vectors.
#pragma once
#include <cstdint>

#include "landscape/hessian/lanczos.h"
#include "landscape/hessian/probes.h"

namespace basin {

// z . A z for a vector z of random signs: unbiased, of variance 2 (|A|_F^2 - sum_i A_ii^2) (Hutchinson 1990).
double hutchinson_sample(const SymmetricOperator& apply, const VectorType& type, std::uint64_t seed,
                         std::uint64_t index);

// Hutch++ (Meyer, Musco, Musco, Woodruff 2021, algorithm 1): the trace on the range of A S, for S of random signs,
// exactly, and Hutchinson's estimate on the rest. Where few eigenvalues dominate, as in Hessians of networks, its error
// falls like 1 / products instead of 1 / sqrt(products).
class HutchPlusPlus {
 public:
  // Makes 2 `sketch` products: A S and, for its orthonormal basis Q, A Q. sketch >= 1.
  HutchPlusPlus(SymmetricOperator apply, const VectorType& type, std::int64_t sketch, std::uint64_t seed);

  double range_trace() const { return range_trace_; }  // tr(Q^T A Q)
  // z' . A z' for z' = (I - Q Q^T) z: the trace is range_trace() and the mean of these. One product.
  double rest_sample(std::uint64_t index) const;

 private:
  Tensor without_range(const Tensor& z) const;

  SymmetricOperator apply_;
  VectorType type_;
  std::uint64_t seed_;
  Tensor basis_;  // Q^T (rank, n)
  double range_trace_ = 0;
};

}  // namespace basin
