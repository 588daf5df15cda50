// The CUDA back end: one device, one stream in which everything runs in order. Computes in f32, f16 and bf16. The same
// source makes it for GPUs (target basin_cuda) and on the emulator (basin_cuda_emulated), where convolutions and matrix
// products are Basin's own kernels.
#pragma once
#include "core/backend.h"

namespace basin::cuda {

// The back end of that device, made at the first call and never destroyed. Error, in one line, where it cannot be used:
// no driver or one too old, no such device, an architecture that this build has no code for.
Backend& cuda_backend(int device);

}  // namespace basin::cuda
