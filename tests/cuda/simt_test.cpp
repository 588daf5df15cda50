// The emulator runs correct kernels as a GPU would: indices, shared memory, barriers, warp operations, atomics, counts.
#include <gtest/gtest.h>

#include <numeric>

#include "cuda/launch.h"
#include "tests/cuda/device_array.h"

namespace basin::cuda {
namespace {

template <class T>
Global<T> global_of(const DeviceArray<T>& array) {
  return {array.data(), array.view().size()};
}
template <class T>
Global<const T> const_global_of(const DeviceArray<T>& array) {
  return {array.data(), array.view().size()};
}

std::vector<float> counting(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

// Runs under several orders of warps and lanes.
template <class F>
void for_seeds(const F& f) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    simt::options().seed = seed;
    f();
  }
  simt::options().seed = 1;
}

void indices_kernel(Global<std::int32_t> y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  y[block * blockDim.x * blockDim.y * blockDim.z + thread] = static_cast<std::int32_t>(block * 1000 + thread);
}

TEST(Simt, RunsEveryThreadOfEveryBlockOnce) {
  const DeviceArray<std::int32_t> y({2 * 3 * 4, 5 * 3 * 2});
  launch(Stream(), {dim3(2, 3, 4), dim3(5, 3, 2)}, indices_kernel, global_of(y));
  const std::vector<std::int32_t> found = y.values();
  for (std::int32_t i = 0; i < 24 * 30; ++i) EXPECT_EQ(found[i], i / 30 * 1000 + i % 30);
}

struct ReverseShared {
  SharedArray<float, 256> values;
};
void reverse_kernel(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<ReverseShared>();
  shared.values[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = shared.values[blockDim.x - 1 - threadIdx.x];
}

TEST(Simt, BarriersOrderSharedMemory) {
  for_seeds([] {
    for (const int size : {1, 31, 32, 33, 97, 256}) {
      const DeviceArray<float> x({size}, counting(size)), y({size});
      launch(Stream(), {1, dim3(static_cast<unsigned>(size)), sizeof(ReverseShared)}, reverse_kernel,
             const_global_of(x), global_of(y));
      for (int i = 0; i < size; ++i) EXPECT_EQ(y.values()[i], static_cast<float>(size - i));
    }
  });
}

// The first warp hands values over to the second through barrier 1; the others do not wait.
void named_barrier_kernel(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<ReverseShared>();
  const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (warp < 2) {
    if (warp == 0) shared.values[lane] = x[lane];
    named_barrier(1, 64);
    if (warp == 1) y[lane] = shared.values[31 - lane];
  } else {
    y[threadIdx.x] = x[threadIdx.x];
  }
}

TEST(Simt, NamedBarriersOrderTheirWarps) {
  for_seeds([] {
    const DeviceArray<float> x({128}, counting(128)), y({128});
    launch(Stream(), {1, 128, sizeof(ReverseShared)}, named_barrier_kernel, const_global_of(x), global_of(y));
    EXPECT_EQ(y.values()[0], 32);
    EXPECT_EQ(y.values()[31], 1);
    EXPECT_EQ(y.values()[127], 128);
  });
}

void shuffles_kernel(Global<std::int32_t> y) {
  const int lane = static_cast<int>(threadIdx.x);
  const Global<std::int32_t> mine = y.slice(8 * lane, 8);
  mine[0] = __shfl_sync(~0u, lane, 5);
  mine[1] = __shfl_sync(~0u, lane, 3, 8);
  mine[2] = __shfl_xor_sync(~0u, lane, 16);
  mine[3] = __shfl_down_sync(~0u, lane, 4);
  mine[4] = __shfl_up_sync(~0u, lane, 4);
  mine[5] = __shfl_down_sync(~0u, lane, 3, 8);
  mine[6] = static_cast<std::int32_t>(__ballot_sync(~0u, lane % 3 == 0));
  // Two halves, each on its own.
  const unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;
  mine[7] = __shfl_xor_sync(half, lane, 1);
}

TEST(Simt, WarpOperationsExchangeLanes) {
  std::uint32_t ballot = 0;
  for (int lane = 0; lane < 32; lane += 3) ballot |= 1u << lane;
  for_seeds([&] {
    const DeviceArray<std::int32_t> y({32, 8});
    launch(Stream(), {1, 32}, shuffles_kernel, global_of(y));
    const std::vector<std::int32_t> found = y.values();
    for (int lane = 0; lane < 32; ++lane) {
      const std::int32_t* mine = &found[8 * lane];
      EXPECT_EQ(mine[0], 5);
      EXPECT_EQ(mine[1], lane / 8 * 8 + 3);
      EXPECT_EQ(mine[2], lane ^ 16);
      EXPECT_EQ(mine[3], lane + 4 < 32 ? lane + 4 : lane);
      EXPECT_EQ(mine[4], lane >= 4 ? lane - 4 : lane);
      EXPECT_EQ(mine[5], lane % 8 + 3 < 8 ? lane + 3 : lane);
      EXPECT_EQ(static_cast<std::uint32_t>(mine[6]), ballot);
      EXPECT_EQ(mine[7], lane ^ 1);
    }
  });
}

void syncwarp_kernel(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<ReverseShared>();
  const unsigned first = threadIdx.x / 32 * 32, lane = threadIdx.x % 32;
  shared.values[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  y[threadIdx.x] = shared.values[first + (lane + 1) % 32];
}

TEST(Simt, SyncwarpOrdersLanes) {
  for_seeds([] {
    const DeviceArray<float> x({64}, counting(64)), y({64});
    launch(Stream(), {1, 64, sizeof(ReverseShared)}, syncwarp_kernel, const_global_of(x), global_of(y));
    EXPECT_EQ(y.values()[0], 2);
    EXPECT_EQ(y.values()[31], 1);
    EXPECT_EQ(y.values()[63], 33);
  });
}

struct HistogramShared {
  SharedArray<std::int32_t, 4> counts;
};
void histogram_kernel(Global<std::int32_t> totals) {
  auto& shared = shared_memory<HistogramShared>();
  if (threadIdx.x < 4) shared.counts[threadIdx.x] = 0;
  __syncthreads();
  shared.counts.atomic_add(threadIdx.x % 4, 1);
  __syncthreads();
  if (threadIdx.x < 4) totals.atomic_add(threadIdx.x, shared.counts[threadIdx.x]);
}

TEST(Simt, AtomicsAddFromEveryBlock) {
  for_seeds([] {
    const DeviceArray<std::int32_t> totals({4}, {0, 10, 20, 30});
    launch(Stream(), {50, 64, sizeof(HistogramShared)}, histogram_kernel, global_of(totals));
    EXPECT_EQ(totals.values(), (std::vector<std::int32_t>{800, 810, 820, 830}));
  });
}

void vectors_kernel(Global<const float> x, Global<float> y) {
  const unsigned i = 4 * threadIdx.x;
  Vector<float, 4> values = x.load_vector<4>(i);
  values[3] = -1;
  y.store_vector<4>(i, values);
}

TEST(Simt, VectorsMoveSeveralElements) {
  const DeviceArray<float> x({128}, counting(128)), y({128});
  launch(Stream(), {1, 32}, vectors_kernel, const_global_of(x), global_of(y));
  EXPECT_EQ(y.values()[126], 127);
  EXPECT_EQ(y.values()[127], -1);
}

// ---- counters

void strided_copy_kernel(Global<const float> x, Global<float> y, int stride) {
  y[threadIdx.x] = x[threadIdx.x * stride];
}

TEST(Simt, CountsBytesAndSectors) {
  const DeviceArray<float> x({32 * 8}, counting(32 * 8)), y({32});
  simt::options().count_requests = true;
  for (const int stride : {1, 2, 8}) {
    simt::reset_counters();
    launch(Stream(), {1, 32}, strided_copy_kernel, const_global_of(x), global_of(y), stride);
    const simt::Counters counted = simt::counters();
    EXPECT_EQ(counted.launches, 1u);
    EXPECT_EQ(counted.global_read_bytes, 128u);
    EXPECT_EQ(counted.global_written_bytes, 128u);
    EXPECT_EQ(counted.global_sectors, 4u * stride + 4u);  // reads, writes
    EXPECT_EQ(counted.global_ideal_sectors, 8u);
  }
  simt::options().count_requests = false;
}

struct TileShared {
  SharedArray<float, 32 * 33> tile;
};
// Writes columns of a tile whose rows are `pitch` apart.
void columns_kernel(int pitch) {
  auto& shared = shared_memory<TileShared>();
  for (int k = 0; k < 4; ++k) shared.tile[threadIdx.x * pitch + k] = 0;
}

TEST(Simt, CountsBankConflicts) {
  simt::options().count_requests = true;
  for (const auto& [pitch, wavefronts] : {std::pair{32, 4 * 32u}, std::pair{33, 4 * 1u}}) {
    simt::reset_counters();
    launch(Stream(), {1, 32, sizeof(TileShared)}, columns_kernel, pitch);
    EXPECT_EQ(simt::counters().shared_wavefronts, wavefronts) << pitch;
    EXPECT_EQ(simt::counters().shared_ideal_wavefronts, 4u);
  }
  simt::options().count_requests = false;
}

}  // namespace
}  // namespace basin::cuda
