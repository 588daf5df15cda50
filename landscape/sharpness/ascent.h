// The largest value of a loss in a neighbourhood, by projected gradient ascent.
#pragma once
#include <cstdint>
#include <functional>

#include "landscape/sharpness/coordinates.h"
#include "landscape/sharpness/mean_loss.h"

namespace basin {

// A convex set of coordinates u around 0.
struct Neighbourhood {
  double diameter = 0;
  std::function<Tensor(const Tensor& u)> nearest;                         // Euclidean projection onto the set
  std::function<Tensor(std::uint64_t seed, std::uint64_t index)> random;  // a point of it
};
// |u|_2 <= radius; its random points are uniform on the sphere.
Neighbourhood ball(const VectorType& type, double radius);
// |u_i| <= bounds_i; its random points are uniform.
Neighbourhood box(const Tensor& bounds);

struct AscentOptions {
  std::int64_t gradients = 10;  // at most, of each start
  std::int64_t starts = 3;      // at least 1: the first is u = 0 unless another is given, the others are random
  std::uint64_t seed = 1;
};

struct AscentResult {
  Tensor at;          // u of the largest value found
  double value = 0;   // there
  double spread = 0;  // between the largest and the smallest value that the starts ended with
  std::int64_t gradients = 0;
};

// u <- nearest(u + t M^T grad L(center + M u)), which reaches a corner of the set where t is large; t halves until the
// value rises by a share 1e-4 of what the gradient promises (Armijo's rule along the projection arc: Bertsekas 1976)
// and doubles after each success. The value never falls. What is found is a local maximum at best: a lower bound of the
// maximum. Points where the loss or its gradient is not finite are stepped back from. Where they are not at the start
// itself, that start yields nothing; where all do, value and spread are NaN.
AscentResult ascend(const MeanLoss& loss, const Tensor& center, const Coordinates& coordinates,
                    const Neighbourhood& neighbourhood, const AscentOptions& options, const Tensor& first = {});

}  // namespace basin
