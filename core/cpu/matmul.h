// The matrix product in float32 by oneDNN, over fixed blocks of rows on our own threads.
#pragma once
#include "core/cpu/convolution_loops.h"

namespace basin::cpu {

void matmul_f32(const MatmulSizes& sizes, const float* a, const float* b, float* y);  // none of the sizes 0

}  // namespace basin::cpu
