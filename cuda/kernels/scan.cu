#include "cuda/kernels/scan.h"

#include "cuda/launch.h"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWidth = 4, kWarps = kThreads / 32;
constexpr std::int64_t kBlockValues = kThreads * kWidth;

struct ScanShared {
  SharedArray<std::int32_t, kWarps> warp_sums;
};

// The sum over the threads before the calling one, whose own value is `value`; *total is the block's.
__device__ std::int32_t block_exclusive(ScanShared& shared, std::int32_t value, std::int32_t* total) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  std::int32_t inclusive = value;
  for (unsigned distance = 1; distance < 32; distance *= 2) {
    const std::int32_t other = __shfl_up_sync(0xffffffffu, inclusive, distance);
    if (lane >= distance) inclusive += other;
  }
  if (lane == 31) shared.warp_sums[warp] = inclusive;
  __syncthreads();
  std::int32_t before = 0, all = 0;
  for (unsigned w = 0; w < kWarps; ++w) {
    const std::int32_t sum = shared.warp_sums[w];
    if (w < warp) before += sum;
    all += sum;
  }
  *total = all;
  return before + inclusive - value;
}

// values[i] = sum of the values before i in its block's share, in place; totals[b] = the sum of block b's
//
// values (count), totals (blocks), i32; values 16-byte aligned.
// Map:   a block scans kBlockValues values, a thread kWidth neighbours of them.
// Cost:  reads and writes 4 bytes a value, writes 4 a block.
// Order: integers, so any.
__global__ void __launch_bounds__(kThreads)
    scan_kernel(Global<std::int32_t> values, std::int64_t count, Global<std::int32_t> totals) {
  ScanShared& shared = shared_memory<ScanShared>();
  const std::int64_t first = blockIdx.x * kBlockValues + threadIdx.x * kWidth;
  Vector<std::int32_t, kWidth> own;
  if (first + kWidth <= count)
    own = values.load_vector<kWidth>(first);
  else
    for (int k = 0; k < kWidth; ++k) own[k] = first + k < count ? static_cast<std::int32_t>(values[first + k]) : 0;
  std::int32_t sum = 0, total;
  for (int k = 0; k < kWidth; ++k) sum += own[k];
  sum = block_exclusive(shared, sum, &total);
  for (int k = 0; k < kWidth; ++k) {
    const std::int32_t value = own[k];
    own[k] = sum;
    sum += value;
  }
  if (first + kWidth <= count)
    values.store_vector<kWidth>(first, own);
  else
    for (int k = 0; k < kWidth && first + k < count; ++k) values[first + k] = own[k];
  if (threadIdx.x == 0) totals[blockIdx.x] = total;
}

// values[i] += offsets[block of scan_kernel that i is in]
//
// values (count), offsets (blocks), i32; values 16-byte aligned.
// Map:   a thread owns kWidth neighbours.
// Cost:  reads and writes 4 bytes a value.
// Order: one addition a value.
__global__ void __launch_bounds__(kThreads)
    add_offsets_kernel(Global<std::int32_t> values, std::int64_t count, Global<const std::int32_t> offsets) {
  const std::int64_t first = blockIdx.x * kBlockValues + threadIdx.x * kWidth;
  const std::int32_t offset = offsets[blockIdx.x];
  if (first + kWidth <= count) {
    Vector<std::int32_t, kWidth> own = values.load_vector<kWidth>(first);
    for (int k = 0; k < kWidth; ++k) own[k] += offset;
    values.store_vector<kWidth>(first, own);
    return;
  }
  for (int k = 0; k < kWidth && first + k < count; ++k) values[first + k] += offset;
}

}  // namespace

void exclusive_scan(Stream stream, std::int32_t* values, std::int64_t count) {
  const unsigned blocks = blocks_for(count, kBlockValues);
  if (blocks == 0) return;
  const DeviceBuffer totals(stream, blocks * sizeof(std::int32_t));
  launch(stream, {blocks, kThreads, sizeof(ScanShared)}, scan_kernel, Global<std::int32_t>(values, count), count,
         Global<std::int32_t>(totals.as<std::int32_t>(), blocks));
  if (blocks == 1) return;
  exclusive_scan(stream, totals.as<std::int32_t>(), blocks);
  launch(stream, {blocks, kThreads}, add_offsets_kernel, Global<std::int32_t>(values, count), count,
         Global<const std::int32_t>(totals.as<std::int32_t>(), blocks));
}

}  // namespace basin::cuda
