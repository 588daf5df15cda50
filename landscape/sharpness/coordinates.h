// Displacements e = M u of a network's parameters, for u (p) the coordinates in which a neighbourhood is a ball, a box
// or a Gaussian.
#pragma once
#include <cstdint>
#include <functional>

#include "landscape/hessian/probes.h"
#include "landscape/parameter_space.h"

namespace basin {

struct Coordinates {
  VectorType type;                                            // of u
  std::function<Tensor(const Tensor& u)> displacement;        // M u (n)
  std::function<Tensor(const Tensor& gradient)> pulled_back;  // M^T g (p), the gradient in u
};

// e = u.
Coordinates plain_coordinates(const VectorType& type);
// e = scale * u, element by element; scale (n) >= 0.
Coordinates scaled_coordinates(const Tensor& scale);

// The operators T_w of adaptive sharpness (Kwon, Kim, Park, Choi 2021, section 3), as vectors (n).
// |w| of each element.
Tensor element_scale(const Tensor& point);
// |f| for the elements of a convolution's filter f, |w| for all others.
Tensor filter_scale(const ParameterSpace& space, const Tensor& point);

// A random subspace: e = A u with A (n, p) of standard normal elements. It keeps all of A: p * n elements.
class RandomSubspace {
 public:
  // 1 <= dimensions <= n.
  RandomSubspace(const VectorType& type, std::int64_t dimensions, std::uint64_t seed);
  Coordinates coordinates() const;             // shares the matrix
  Tensor preimage(const Tensor& point) const;  // A^+ x = (A^T A)^-1 A^T x, solved in double

 private:
  Tensor matrix_;  // A^T (p, n)
};

}  // namespace basin
