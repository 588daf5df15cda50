// Directions in parameter space, normalised row by row (Li et al. 2018, section 4): f32, f16, bf16. Drawn, subtracted,
// summed and scaled in double and rounded once, by way of float, as landscape/direction.h does it on the host; sums
// have an order of their own, fixed by the extents. So y differs from the host's only where the exact value is within
// some 1e-14 of itself from the middle between two floats, and by one unit in the last place then.
#pragma once
#include "core/backend.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// Row r of a direction d becomes d[r] * target / (|d[r]| + epsilon), with target = |w[r]| or 1; zero where the divisor
// is not positive. A convolution's filters are the first axis' rows; one row is a whole layer.
struct RowScaling {
  std::int64_t rows = 1;  // divides the size
  bool by_weight = true;  // else to norm 1
  double epsilon = 0;
};

// y = standard normal numbers, element i Random(seed, stream_number).normal(i), scaled by the rows of the weights;
// equal shapes. Of their logarithm, sine and cosine see cuda/kernels/random.h.
void random_direction(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const ConstView& weight,
                      const RowScaling& scaling, const View& y);
// y = to - from, scaled by the rows of `from`; equal shapes.
void difference_direction(Stream stream, const ConstView& from, const ConstView& to, const RowScaling& scaling,
                          const View& y);
// y = y scaled by the rows of the weights, in place; equal shapes.
void scale_rows(Stream stream, const ConstView& weight, const RowScaling& scaling, const View& y);

}  // namespace basin::cuda
