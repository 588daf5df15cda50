// How fast the tensor cores are where nothing but mma.sync bounds a kernel: the limit that the grid engine is measured
// against.
#pragma once
#include "core/tensor.h"
#include "cuda/runtime.h"

namespace basin::cuda {

inline constexpr int kMmaThreads = 128,
                     kMmaSums = 8;  // of a block; products that do not wait for each other, of a warp

// Each warp multiplies `rounds` times kMmaSums fragments that stay in registers: m16n8k16 of f16 or bf16, m16n8k8 of
// tf32 for f32. y f32 (blocks, kMmaThreads): the sum of a thread's results, so that none is left out.
void multiply_registers(Stream stream, DType type, int rounds, const View& y);

std::int64_t multiply_registers_flops(DType type, std::int64_t blocks, int rounds);

// FLOP/s of the selected device, the best of several launches of some milliseconds.
double mma_flops_per_second(DType type);

}  // namespace basin::cuda
