// Values between element types.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y[i] = x[i] in y's type, for any two types; shapes of one size. Rounded to nearest even; to integers towards zero,
// saturating, 0 for NaN; between integers modulo 2^bits. NaN stays NaN among floating-point types; which of their bits
// remain depends on the device.
void cast(Stream stream, const ConstView& x, const View& y);
Cost cast_cost(std::int64_t size, DType from, DType to);

}  // namespace basin::cuda
