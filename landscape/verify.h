// The comparison of an engine with the model's own forward.
#pragma once
#include <cstdint>

#include "landscape/evaluator.h"

namespace basin {

struct Verification {
  std::int64_t points = 0;
  double largest_difference = 0;  // of a loss: |a - b| / |b|; 0 where both are the same infinity or both NaN
  Point where;                    // the point of the largest difference
};

// Evaluates `count` points of the grid, drawn from `seed` without repetition (at most all of them), with `evaluator`
// and with the autograd engine, and compares the mean losses. Infinite where one is finite and the other is not.
Verification verify(Evaluator& evaluator, const Plane& plane, const EvaluationSet& set, const Grid& grid,
                    std::int64_t count, std::uint64_t seed);

}  // namespace basin
