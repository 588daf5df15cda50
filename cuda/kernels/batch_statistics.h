// The first half of batch norm's training: what each part of the rows says of mean and variance.
#pragma once
#include "cuda/kernels/channel_operands.h"

namespace basin::cuda {

// Mean, less x[0, c], and sum of squared deviations from it, of the rows of each part and each channel of x (rows, C),
// f32, f16 or bf16. To be merged by moments_of_part of cuda/kernels/batch_moments.cuh.
PartSums moments_of_parts(Stream stream, const ConstView& x, const ChannelOperands& operands);

}  // namespace basin::cuda
