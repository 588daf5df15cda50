// Eigenvalues at both ends of a symmetric operator's spectrum, with eigenvectors and bounds of their errors.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "landscape/hessian/lanczos.h"
#include "landscape/hessian/probes.h"

namespace basin {

struct Eigenvalue {
  double value = 0;
  double residual = 0;  // |A y - value y| of a unit y: an eigenvalue of A lies within it (see RitzValue)
  bool converged = false;
};

struct ExtremesOptions {
  std::int64_t largest = 1, smallest = 1;  // how many of each end; 0: none of it
  double tolerance = 1e-2;                 // residuals relative to the largest |eigenvalue|
  std::int64_t products = 100;             // at most
  std::uint64_t seed = 1;                  // of the start, a normal vector
  // After each product; may be empty. True ends the search with what is there.
  std::function<bool(std::int64_t products, const std::vector<RitzValue>& ritz)> watch = {};
};

struct Extremes {
  std::vector<Eigenvalue> largest;                        // from the largest down
  std::vector<Eigenvalue> smallest;                       // from the smallest up
  std::vector<Tensor> largest_vectors, smallest_vectors;  // unit vectors (n), where asked for
  std::int64_t products = 0;
  bool converged() const;
};

// One Lanczos run serves both ends: the Krylov space of A is that of A shifted. It ends when all wanted residuals are
// within the tolerance, no sooner than after 2 (largest + smallest) + 8 products, or when the space is invariant. An
// eigenvalue to which the start is orthogonal, or a second copy of one, is not seen: a random start makes the former
// improbable, the latter is a limit of Lanczos. Fewer are returned where the space has fewer dimensions. With `vectors`
// each value is the Rayleigh quotient of its vector and its residual is measured, rounding included, by a product more;
// without, residuals are those of exact arithmetic.
Extremes extremes(const SymmetricOperator& apply, const VectorType& type, const ExtremesOptions& options,
                  bool vectors = false);

}  // namespace basin
