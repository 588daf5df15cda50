// Arrays of bfloat16 from arrays of float.
#pragma once
#include <cstdint>

namespace basin::cpu {

// y[i] = x[i] rounded to nearest, ties to even; a NaN stays one. Where the processor rounds by itself (AVX512_BF16),
// subnormal numbers become zero.
void round_to_bf16(const float* x, std::uint16_t* y, std::int64_t count);

}  // namespace basin::cpu
