#include "cuda/grid/mma_rate.h"

#include <algorithm>

#include "cuda/grid/unroll.cuh"
#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

// Operands of a lane: ones in a, `1` in b, as pairs of halves or as a tf32.
template <class T>
__device__ std::uint32_t ones() {
  return dtype_of<T> == DType::f16 ? 0x3c003c00u : dtype_of<T> == DType::bf16 ? 0x3f803f80u : 0x3f800000u;
}

// y[block, thread] = the sum of the thread's results: kMmaSums * 4 * rounds * K
//
// y (blocks, kMmaThreads).
// Map:   a warp owns kMmaSums products (16, 8), in registers.
// Cost:  rounds * kMmaSums operations of a warp; nothing is read.
// Order: that of the tensor core.
template <class T>
__global__ void __launch_bounds__(kMmaThreads) multiply_registers_kernel(int rounds, Global<float> y) {
  float sums[kMmaSums][4] = {};
  std::uint32_t a[4], b[2];
  for (std::uint32_t& value : a) value = ones<T>();
  for (std::uint32_t& value : b) value = ones<T>();
  BASIN_KEEP_LOOP
  for (int round = 0; round < rounds; ++round) {
    BASIN_UNROLL
    for (int i = 0; i < kMmaSums; ++i) {
      if constexpr (dtype_of<T> == DType::f32)
        mma_m16n8k8(sums[i], a, b);
      else
        mma_m16n8k16<T>(sums[i], a, b);
    }
  }
  float sum = 0;
  for (int i = 0; i < kMmaSums; ++i)
    for (int j = 0; j < 4; ++j) sum += sums[i][j];
  y[std::int64_t{blockIdx.x} * kMmaThreads + threadIdx.x] = sum;
}

std::int64_t inner_of(DType type) { return type == DType::f32 ? 8 : 16; }

}  // namespace

void multiply_registers(Stream stream, DType type, int rounds, const View& y) {
  check(y.shape.size() == 2 && y.shape[1] == kMmaThreads, "multiply_registers: ", y.shape, " is not (blocks, ",
        kMmaThreads, ")");
  dispatch_float(type, "multiply_registers", [&]<class T>(T) {
    launch(stream, {blocks_for(y.shape[0], 1), kMmaThreads}, multiply_registers_kernel<T>, rounds, global<float>(y));
  });
}

std::int64_t multiply_registers_flops(DType type, std::int64_t blocks, int rounds) {
  return blocks * (kMmaThreads / 32) * kMmaSums * rounds * 2 * 16 * 8 * inner_of(type);
}

double mma_flops_per_second(DType type) {
  constexpr int kRounds = 20'000, kTurns = 7, kBlocksEach = 8;  // of a multiprocessor: more warps than it needs
  const DeviceInfo device = device_info(selected_device());
  const std::int64_t blocks = std::int64_t{device.multiprocessors} * kBlocksEach;
  const OwnedStream stream;
  const DeviceBuffer results(stream, static_cast<std::size_t>(blocks * kMmaThreads) * sizeof(float));
  const View y{results.data(), DType::f32, {blocks, kMmaThreads}};
  multiply_registers(stream, type, kRounds, y);  // loads the kernel, raises the clock
  double best = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    Event start, end;
    start.record(stream);
    multiply_registers(stream, type, kRounds, y);
    end.record(stream);
    const double seconds = end.milliseconds_since(start) * 1e-3;
    best = std::max(best, static_cast<double>(multiply_registers_flops(type, blocks, kRounds)) / seconds);
  }
  return best;
}

}  // namespace basin::cuda
