// Tensor cores and asynchronous copies as the emulator does them, against plain loops.
#include "cuda/launch.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

constexpr int kWarp = 32;

std::vector<float> small_integers(std::size_t count, int seed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(static_cast<int>((i * 7 + seed) % 11) - 5);
  return values;
}

template <class T>
std::uint32_t pair_of(T low, T high) {
  return low.bits | std::uint32_t{high.bits} << 16;
}

// d (16, 8) = c + a (16, 16) * b (16, 8), fragments gathered element by element as the PTX manual draws them.
template <class T>
__global__ void product_kernel(Global<const T> a, Global<const T> b, Global<float> d) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  std::uint32_t ra[4], rb[2];
  for (int i = 0; i < 4; ++i) {
    const int at = (g + i % 2 * 8) * 16 + 2 * q + i / 2 * 8;
    ra[i] = pair_of<T>(a[at], a[at + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    const int k = 2 * q + 8 * i;
    rb[i] = pair_of<T>(b[k * 8 + g], b[(k + 1) * 8 + g]);
  }
  float sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = d[(g + i / 2 * 8) * 8 + 2 * q + i % 2];
  mma_m16n8k16<T>(sum, ra, rb);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * q + i % 2] = sum[i];
}

__global__ void product_tf32_kernel(Global<const float> a, Global<const float> b, Global<float> d) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  std::uint32_t ra[4], rb[2];
  for (int i = 0; i < 4; ++i) ra[i] = to_tf32(a[(g + i % 2 * 8) * 8 + q + i / 2 * 4]);
  for (int i = 0; i < 2; ++i) rb[i] = to_tf32(b[(q + 4 * i) * 8 + g]);
  float sum[4];
  for (int i = 0; i < 4; ++i) sum[i] = d[(g + i / 2 * 8) * 8 + 2 * q + i % 2];
  mma_m16n8k8(sum, ra, rb);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + 2 * q + i % 2] = sum[i];
}

std::vector<float> plain_product(const std::vector<float>& a, const std::vector<float>& b, std::vector<float> d,
                                 int k) {
  for (int r = 0; r < 16; ++r)
    for (int c = 0; c < 8; ++c)
      for (int i = 0; i < k; ++i) d[r * 8 + c] += a[r * k + i] * b[i * 8 + c];
  return d;
}

template <class T, class Convert>
void check_halves(const Convert& convert) {
  const auto a = small_integers(16 * 16, 1), b = small_integers(16 * 8, 2), d = small_integers(16 * 8, 3);
  std::vector<T> half_a, half_b;
  for (const float v : a) half_a.push_back(convert(v));
  for (const float v : b) half_b.push_back(convert(v));
  const DeviceArray<T> device_a({16, 16}, half_a), device_b({16, 8}, half_b);
  const DeviceArray<float> device_d({16, 8}, d);
  simt::reset_counters();
  launch(Stream(), {1, kWarp}, product_kernel<T>, Global<const T>(device_a.data(), 256),
         Global<const T>(device_b.data(), 128), Global<float>(device_d.data(), 128));
  EXPECT_EQ(simt::counters().mma, 1u);
  EXPECT_EQ(device_d.values(), plain_product(a, b, d, 16));
}

TEST(SimtMma, MultipliesHalves) {
  check_halves<float16>([](float v) { return to_float16(v); });
  check_halves<bfloat16>([](float v) { return to_bfloat16(v); });
}

TEST(SimtMma, MultipliesTf32) {
  const auto a = small_integers(16 * 8, 1), b = small_integers(8 * 8, 2), d = small_integers(16 * 8, 3);
  const DeviceArray<float> device_a({16, 8}, a), device_b({8, 8}, b), device_d({16, 8}, d);
  simt::reset_counters();
  launch(Stream(), {1, kWarp}, product_tf32_kernel, Global<const float>(device_a.data(), 128),
         Global<const float>(device_b.data(), 64), Global<float>(device_d.data(), 128));
  EXPECT_EQ(simt::counters().mma_tf32, 1u);
  EXPECT_EQ(device_d.values(), plain_product(a, b, d, 8));
}

TEST(SimtMma, Tf32RoundsToNearestAwayFromZero) {
  const auto rounded = [](float v) { return std::bit_cast<float>(to_tf32(v)); };
  EXPECT_EQ(rounded(1 + 0x1p-11f), 1 + 0x1p-10f);  // half way
  EXPECT_EQ(rounded(-1 - 0x1p-11f), -1 - 0x1p-10f);
  EXPECT_EQ(rounded(1 + 0x1p-12f), 1.0f);
  EXPECT_EQ(rounded(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(rounded(NAN)));
}

__global__ void partial_warp_kernel(Global<float> d) {
  float sum[4] = {};
  const std::uint32_t a[4] = {}, b[2] = {};
  mma_m16n8k8(sum, a, b);
  d[threadIdx.x] = sum[0];
}

TEST(SimtMma, WantsWholeWarps) {
  const DeviceArray<float> d({kWarp});
  expect_error(
      [&] {
        launch(Stream(), {1, 16}, partial_warp_kernel, Global<float>(d.data(), kWarp));
      },
      {"mma_test.cpp", "whole warps"});
}

struct MatrixShared {
  SharedArray<float16, 4 * 64> values;
};

// r[j] of each lane for four matrices that lie row after row, `pitch` halves from row to row.
template <bool transposed>
__global__ void matrices_kernel(int pitch, Global<std::int32_t> r) {
  MatrixShared& shared = shared_memory<MatrixShared>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += kWarp) shared.values[i] = float16{static_cast<std::uint16_t>(i)};
  __syncthreads();
  std::uint32_t matrices[4];
  const int row = lane % (256 / pitch) * pitch;
  if constexpr (transposed)
    load_matrices_transposed(matrices, shared.values, row);
  else
    load_matrices(matrices, shared.values, row);
  for (int j = 0; j < 4; ++j) r[4 * lane + j] = static_cast<std::int32_t>(matrices[j]);
}

TEST(SimtMma, LoadsMatrices) {
  for (const bool transposed : {false, true}) {
    const DeviceArray<std::int32_t> r({kWarp, 4});
    launch(Stream(), {1, kWarp, sizeof(MatrixShared)}, transposed ? matrices_kernel<true> : matrices_kernel<false>, 8,
           Global<std::int32_t>(r.data(), 128));
    const std::vector<std::int32_t> found = r.values();
    for (int lane = 0; lane < kWarp; ++lane)
      for (int j = 0; j < 4; ++j) {
        const int g = lane / 4, q = lane % 4, matrix = j * 64;
        const int low = matrix + (transposed ? 2 * q * 8 + g : g * 8 + 2 * q), high = low + (transposed ? 8 : 1);
        EXPECT_EQ(found[4 * lane + j], low | high << 16) << "lane " << lane << ", matrix " << j;
      }
  }
}

// Two matrices, whose rows lanes 0 to 15 name.
template <bool transposed>
__global__ void two_matrices_kernel(Global<std::int32_t> r) {
  MatrixShared& shared = shared_memory<MatrixShared>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += kWarp) shared.values[i] = float16{static_cast<std::uint16_t>(i)};
  __syncthreads();
  std::uint32_t matrices[2];
  if constexpr (transposed)
    load_matrices_transposed(matrices, shared.values, lane % 16 * 8);
  else
    load_matrices(matrices, shared.values, lane % 16 * 8);
  for (int j = 0; j < 2; ++j) r[2 * lane + j] = static_cast<std::int32_t>(matrices[j]);
}

TEST(SimtMma, LoadsTwoMatrices) {
  for (const bool transposed : {false, true}) {
    const DeviceArray<std::int32_t> r({kWarp, 2});
    simt::reset_counters();
    launch(Stream(), {1, kWarp, sizeof(MatrixShared)},
           transposed ? two_matrices_kernel<true> : two_matrices_kernel<false>, Global<std::int32_t>(r.data(), 64));
    EXPECT_EQ(simt::counters().matrices_loaded, 2u);
    const std::vector<std::int32_t> found = r.values();
    for (int lane = 0; lane < kWarp; ++lane)
      for (int j = 0; j < 2; ++j) {
        const int g = lane / 4, q = lane % 4;
        const int low = 64 * j + (transposed ? 2 * q * 8 + g : g * 8 + 2 * q), high = low + (transposed ? 8 : 1);
        EXPECT_EQ(found[2 * lane + j], low | high << 16) << "lane " << lane << ", matrix " << j;
      }
  }
}

// Lane 0 names a row that begins at half `first`; `filled` halves have been written.
__global__ void shifted_matrix_kernel(int first, int filled) {
  MatrixShared& shared = shared_memory<MatrixShared>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < filled; i += kWarp) shared.values[i] = float16{};
  __syncthreads();
  std::uint32_t matrices[4];
  load_matrices(matrices, shared.values, lane == 0 ? first : lane * 8);
}

TEST(SimtMma, ChecksTheRowsOfMatrices) {
  const auto run = [](int first, int filled) {
    launch(Stream(), {1, kWarp, sizeof(MatrixShared)}, shifted_matrix_kernel, first, filled);
  };
  run(8, 256);
  expect_error([&] { run(-8, 256); }, {"mma_test.cpp", "shared memory: elements -8 to -1 of 256"});
  expect_error([&] { run(256, 256); }, {"mma_test.cpp", "shared memory: elements 256 to 263 of 256"});
  expect_error([&] { run(4, 256); }, {"mma_test.cpp", "misaligned access of 16 bytes"});
  expect_error([&] { run(0, 255); }, {"mma_test.cpp", "nothing has written"});
}

TEST(SimtMma, CountsTheConflictsOfMatrices) {
  const DeviceArray<std::int32_t> r({kWarp, 4});
  simt::options().count_requests = true;
  const auto extra = [&](int pitch) {
    simt::reset_counters();
    launch(Stream(), {1, kWarp, sizeof(MatrixShared)}, matrices_kernel<false>, pitch,
           Global<std::int32_t>(r.data(), 128));
    return simt::counters().shared_wavefronts - simt::counters().shared_ideal_wavefronts;
  };
  EXPECT_EQ(extra(8), 0u);
  EXPECT_EQ(extra(32), 4u * 3);  // of the 8 rows of a matrix 4 share banks
  simt::options().count_requests = false;
}

struct CopyShared {
  SharedArray<float, 4 * kWarp> values;
};

// y[i] = x[i], zeros from `inside` on, through shared memory; each thread reads what its neighbour has copied.
template <bool waits, bool meets>
__global__ void copy_kernel(Global<const float> x, int inside, Global<float> y) {
  CopyShared& shared = shared_memory<CopyShared>();
  const int i = 4 * static_cast<int>(threadIdx.x), next = (i + 4) % (4 * kWarp);
  copy_async(shared.values, i, x, i, i < inside);
  commit_copies();
  if (waits) wait_for_copies<0>();
  if (meets) __syncthreads();
  y.store_vector<4>(next, shared.values.load_vector<4>(next));
}

TEST(SimtCopies, CopyAndFillWithZeros) {
  std::vector<float> x = small_integers(4 * kWarp, 0);
  const DeviceArray<float> device_x({4 * kWarp}, x), y({4 * kWarp});
  launch(Stream(), {1, kWarp, sizeof(CopyShared)}, copy_kernel<true, true>, Global<const float>(device_x.data(), 128),
         100, Global<float>(y.data(), 128));
  std::fill(x.begin() + 100, x.end(), 0.0f);
  EXPECT_EQ(y.values(), x);
}

TEST(SimtCopies, ReadingBeforeTheWaitIsCaught) {
  const DeviceArray<float> x({4 * kWarp}, small_integers(4 * kWarp, 0)), y({4 * kWarp});
  expect_error(
      [&] {
        launch(Stream(), {1, kWarp, sizeof(CopyShared)}, copy_kernel<false, true>, Global<const float>(x.data(), 128),
               128, Global<float>(y.data(), 128));
      },
      {"mma_test.cpp", "nothing has written"});
}

TEST(SimtCopies, ReadingWithoutABarrierIsCaught) {
  const DeviceArray<float> x({4 * kWarp}, small_integers(4 * kWarp, 0)), y({4 * kWarp});
  EXPECT_THROW(launch(Stream(), {1, kWarp, sizeof(CopyShared)}, copy_kernel<true, false>,
                      Global<const float>(x.data(), 128), 128, Global<float>(y.data(), 128)),
               Error);
}

enum class Overwriting { copying_thread, other_warp, second_copy };

// Thread 0 copies to elements that are written before it waits, on the far side of a barrier too: a copy may land late.
template <Overwriting how>
__global__ void overwrite_kernel(Global<const float> x) {
  CopyShared& shared = shared_memory<CopyShared>();
  if (threadIdx.x == 0) copy_async(shared.values, 0, x, 0);
  commit_copies();
  __syncthreads();
  if (how == Overwriting::copying_thread && threadIdx.x == 0) shared.values[1] = 0;
  if (how == Overwriting::other_warp && threadIdx.x == kWarp) shared.values[1] = 0;
  if (how == Overwriting::second_copy && threadIdx.x == 0) copy_async(shared.values, 0, x, 4);
  __syncthreads();
  wait_for_copies<0>();
}

TEST(SimtCopies, WritingBeforeTheWaitIsCaught) {
  const DeviceArray<float> x({4 * kWarp}, small_integers(4 * kWarp, 0));
  for (const auto kernel : {overwrite_kernel<Overwriting::copying_thread>, overwrite_kernel<Overwriting::other_warp>,
                            overwrite_kernel<Overwriting::second_copy>})
    expect_error(
        [&] {
          launch(Stream(), {1, 2 * kWarp, sizeof(CopyShared)}, kernel, Global<const float>(x.data(), 128));
        },
        {"mma_test.cpp", "to which a copy is under way"});
}

// Odd lanes fill with zeros at first, without reading: their copies still go together with those of even lanes.
__global__ void copies_in_turn_kernel(Global<const float> x) {
  CopyShared& shared = shared_memory<CopyShared>();
  const int lane = static_cast<int>(threadIdx.x);
  for (int turn = 0; turn < 2; ++turn) {
    copy_async(shared.values, 4 * lane, x, 4 * lane, turn == 1 || lane % 2 == 0);
    commit_copies();
    wait_for_copies<0>();
  }
}

TEST(SimtCopies, CountsTheRequestsOfCopies) {
  const DeviceArray<float> x({4 * kWarp}, small_integers(4 * kWarp, 0));
  simt::options().count_requests = true;
  simt::reset_counters();
  launch(Stream(), {1, kWarp, sizeof(CopyShared)}, copies_in_turn_kernel, Global<const float>(x.data(), 128));
  simt::options().count_requests = false;
  const simt::Counters counted = simt::counters();
  EXPECT_EQ(counted.copied_bytes, 2u * 32 * 16);
  EXPECT_EQ(counted.shared_wavefronts, 2u * 4);
  EXPECT_EQ(counted.shared_ideal_wavefronts, 2u * 4);
}

// Two groups: the first is waited for, the second is not.
__global__ void groups_kernel(Global<const float> x, int read, Global<float> y) {
  CopyShared& shared = shared_memory<CopyShared>();
  for (int half = 0; half < 2; ++half) {
    const int i = 2 * kWarp * half + 4 * static_cast<int>(threadIdx.x);
    if (threadIdx.x < kWarp / 2) copy_async(shared.values, i, x, i);
    commit_copies();
  }
  wait_for_copies<1>();
  __syncthreads();
  y[threadIdx.x] = shared.values[read + static_cast<int>(threadIdx.x)];
}

TEST(SimtCopies, WaitsForGroups) {
  const std::vector<float> x = small_integers(4 * kWarp, 0);
  const DeviceArray<float> device_x({4 * kWarp}, x), y({kWarp});
  const auto run = [&](int read) {
    launch(Stream(), {1, kWarp, sizeof(CopyShared)}, groups_kernel, Global<const float>(device_x.data(), 128), read,
           Global<float>(y.data(), kWarp));
  };
  run(0);
  EXPECT_EQ(y.values(), std::vector<float>(x.begin(), x.begin() + kWarp));
  expect_error([&] { run(2 * kWarp); }, {"nothing has written"});
}

}  // namespace
}  // namespace basin::cuda
