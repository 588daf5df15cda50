// The vocabulary of kernels, for a GPU or emulated: Global, SharedArray, shared_memory, Vector, named_barrier, widen,
// narrow, mma_m16n8k16 and its like, copy_async, start_kernel, and CUDA's own words. Included by .cu and .cuh files
// only.
#pragma once
#if defined(__CUDACC__)
#include "cuda/native/memory.cuh"
#include "cuda/native/mma.cuh"
#include "cuda/native/numbers.cuh"
#include "cuda/native/start_kernel.cuh"
#else
#include "cuda/simt/checked.h"
#include "cuda/simt/intrinsics.h"
#include "cuda/simt/mma.h"
#include "cuda/simt/numbers.h"
#include "cuda/simt/start_kernel.h"
#endif
