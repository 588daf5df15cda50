// Each kernel here has one defect, which the emulator must report under every seed, naming the place.
#include <numeric>

#include "cuda/launch.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

constexpr int kThreads = 64;

struct Shared {
  SharedArray<float, kThreads> values;
};

std::vector<float> counting(int count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

// Runs the kernel on x = 1, 2, ... and an unwritten y, both of kThreads elements.
class SimtDefect : public ::testing::Test {
 protected:
  void expect_report(void (*kernel)(Global<const float>, Global<float>), std::initializer_list<std::string> parts,
                     unsigned blocks = 1) {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6, 7}) {
      simt::options().seed = seed;
      expect_error([&] { run(kernel, blocks); }, parts);
    }
    simt::options().seed = 1;
  }
  std::vector<float> run(void (*kernel)(Global<const float>, Global<float>), unsigned blocks = 1) {
    const DeviceArray<float> x({kThreads}, counting(kThreads)), y({kThreads});
    launch(Stream(), {blocks, kThreads, sizeof(Shared)}, kernel, Global<const float>(x.data(), kThreads),
           Global<float>(y.data(), kThreads));
    EXPECT_TRUE(y.sentinel_intact());
    return y.values();
  }
};

// ---- memory

void past_the_end(Global<const float> x, Global<float> y) { y[threadIdx.x] = x[threadIdx.x + 1]; }
void before_the_begin(Global<const float> x, Global<float> y) { y[static_cast<int>(threadIdx.x) - 1] = x[threadIdx.x]; }
void past_a_slice(Global<const float> x, Global<float> y) { y[threadIdx.x] = x.slice(0, 32)[threadIdx.x]; }
void past_shared(Global<const float> x, Global<float>) {
  shared_memory<Shared>().values[2 * threadIdx.x] = x[threadIdx.x];
}
struct TooMuchShared {
  SharedArray<float, kThreads + 1> values;
};
void too_much_shared(Global<const float> x, Global<float>) {
  shared_memory<TooMuchShared>().values[threadIdx.x] = x[threadIdx.x];
}
void misaligned(Global<const float> x, Global<float> y) {
  if (threadIdx.x == 0) y.store_vector<4>(0, x.load_vector<4>(1));
}

TEST_F(SimtDefect, AccessOutOfBounds) {
  expect_report(past_the_end, {"global memory: elements 64 to 64 of 64", "simt_defect_test.cpp:", "thread (63, 0, 0)"});
  expect_report(before_the_begin, {"global memory: elements -1 to -1 of 64", "thread (0, 0, 0)"});
  expect_report(past_a_slice, {"global memory: elements ", " of 32"});
  expect_report(past_shared, {"shared memory: element ", " of 64"});
  expect_report(too_much_shared, {"uses 272 bytes of shared memory, the launch gives it 256"});
}

TEST_F(SimtDefect, MisalignedAccess) { expect_report(misaligned, {"misaligned access of 16 bytes at byte 4"}); }

TEST_F(SimtDefect, MemoryThatIsNotTheDevices) {
  float host[kThreads] = {};
  const DeviceArray<float> y({kThreads});
  expect_error([&] { Global<float>(host, kThreads); }, {"is not device memory"});
  expect_error([&] { Global<float>(y.data(), 1000); }, {"4000 bytes at offset 0 of an allocation of 320 bytes"});
}

// ---- what nothing wrote

void reads_output(Global<const float>, Global<float> y) { y[threadIdx.x] += 1; }
void reads_shared(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<Shared>();
  if (threadIdx.x < 63) shared.values[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = shared.values[63 - threadIdx.x];
}
void leaves_one_out(Global<const float> x, Global<float> y) {
  if (threadIdx.x != 17) y[threadIdx.x] = x[threadIdx.x];
}

TEST_F(SimtDefect, ReadOfUnwrittenMemory) {
  expect_report(reads_output, {"global memory: nothing has written the 4 bytes that are read"});
  expect_report(reads_shared, {"shared memory: nothing has written", "at byte 252"});
}

TEST_F(SimtDefect, UnwrittenOutputStaysNan) {
  const std::vector<float> found = run(leaves_one_out);
  for (int i = 0; i < kThreads; ++i) EXPECT_EQ(std::isnan(found[i]), i == 17) << i;
}

// ---- races

void dropped_barrier(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<Shared>();
  shared.values[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = shared.values[threadIdx.x ^ 32];
}
void dropped_second_barrier(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<Shared>();
  for (int i = 0; i < 2; ++i) {
    shared.values[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = shared.values[threadIdx.x ^ 32];
  }
}
void dropped_syncwarp(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<Shared>();
  shared.values[threadIdx.x] = x[threadIdx.x];
  __shfl_sync(~0u, 0, 0);  // the warp meets, but that orders no memory
  y[threadIdx.x] = shared.values[threadIdx.x ^ 1];
}
void barrier_for_too_few(Global<const float> x, Global<float> y) {
  auto& shared = shared_memory<Shared>();
  shared.values[threadIdx.x] = x[threadIdx.x];
  named_barrier(1 + threadIdx.x / 32, 32);  // each warp waits for itself alone
  y[threadIdx.x] = shared.values[threadIdx.x ^ 32];
}
void same_element(Global<const float> x, Global<float> y) {
  if (threadIdx.x % 32 == 0) y[0] = x[threadIdx.x];
}
void plain_beside_atomic(Global<const float>, Global<float> y) {
  if (threadIdx.x == 0) y[0] = 0;
  __syncthreads();
  if (threadIdx.x == 0)
    y[0] += 1;
  else
    y.atomic_add(0, 1.0f);
}
void blocks_share_output(Global<const float> x, Global<float> y) { y[threadIdx.x] = x[threadIdx.x]; }

TEST_F(SimtDefect, RaceInSharedMemory) {
  expect_report(dropped_barrier, {"shared memory: "});  // the other half is not there yet, or comes unordered
  expect_report(dropped_second_barrier, {"shared memory: race (read and write)", "no barrier between them"});
  expect_report(dropped_syncwarp, {"shared memory: "});
  expect_report(barrier_for_too_few, {"shared memory: "});
}

TEST_F(SimtDefect, RaceInGlobalMemory) {
  expect_report(same_element, {"global memory: race (write and write) on the 4 bytes at byte 0"});
  expect_report(plain_beside_atomic, {"global memory: race"});
  expect_report(blocks_share_output, {"global memory: race (write and write)", "with block "}, 2);
}

// ---- threads that do not meet

void barrier_in_a_branch(Global<const float>, Global<float>) {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    __syncthreads();
}
void barrier_after_exit(Global<const float>, Global<float>) {
  if (threadIdx.x == 63) return;
  __syncthreads();
}
void barriers_crossed(Global<const float>, Global<float>) {
  named_barrier(threadIdx.x < 32 ? 1 : 2, 64);
  named_barrier(threadIdx.x < 32 ? 2 : 1, 64);
}
void part_of_a_warp(Global<const float>, Global<float>) {
  // 32 threads, but half of each warp.
  if (threadIdx.x % 32 < 16) named_barrier(1, 32);
}
void shuffle_in_a_branch(Global<const float>, Global<float> y) {
  float value = 1;
  if (threadIdx.x % 32 < 16) value = __shfl_xor_sync(~0u, value, 1);
  y[threadIdx.x] = value;
}
void two_shuffles(Global<const float>, Global<float> y) {
  float value = 1;
  if (threadIdx.x % 2)
    value = __shfl_xor_sync(~0u, value, 1);
  else
    value = __shfl_down_sync(~0u, value, 1);
  y[threadIdx.x] = value;
}
void shuffle_from_outside(Global<const float>, Global<float> y) {
  float value = 1;
  if (threadIdx.x % 32 < 8) value = __shfl_sync(0xffu, value, 8);
  y[threadIdx.x] = value;
}

TEST_F(SimtDefect, DivergentBarrier) {
  expect_report(barrier_in_a_branch, {"divergent barrier", "simt_defect_test.cpp:"});
  expect_report(part_of_a_warp, {"divergent barrier: only 16 of the 32 lanes of warp 0"});
}

TEST_F(SimtDefect, Deadlock) {
  expect_report(barrier_after_exit, {"deadlock", "warp 0: 32 threads at barrier 0, simt_defect_test.cpp:",
                                     "warp 1: 31 threads at barrier 0", "1 threads exited"});
  expect_report(barriers_crossed, {"deadlock", "warp 0: 32 threads at barrier 1", "warp 1: 32 threads at barrier 2"});
}

TEST_F(SimtDefect, DivergentWarpOperation) {
  // Found when a lane comes after others have exited, or when none is left to come.
  expect_report(shuffle_in_a_branch, {"simt_defect_test.cpp:"});
  expect_report(two_shuffles, {"divergent warp operation"});
  expect_report(shuffle_from_outside, {"shuffles from lane 8, which takes no part"});
}

// ---- launches

void nothing(Global<const float>, Global<float>) {}

TEST_F(SimtDefect, ImpossibleLaunch) {
  const auto attempt = [&](dim3 grid, dim3 block, std::size_t shared) {
    launch(Stream(), {grid, block, shared}, nothing, Global<const float>(), Global<float>());
  };
  expect_error([&] { attempt(1, 1025, 0); }, {"launch of 1025 threads a block", "simt_defect_test.cpp:"});
  expect_error([&] { attempt(1, 0, 0); }, {"launch of 0 threads a block"});
  expect_error([&] { attempt(dim3(1, 70000), 32, 0); }, {"launch of a grid (1, 70000, 1)"});
  expect_error([&] { attempt(1, 32, 300 << 10); }, {"307200 bytes of shared memory"});
  attempt(0, 32, 0);  // an empty grid is no launch
}

// A kernel that fails leaves nothing behind that disturbs the next.
TEST_F(SimtDefect, TheNextLaunchIsSound) {
  for (int i = 0; i < 20; ++i) {
    expect_report(dropped_second_barrier, {"race"}, 8);
    const std::vector<float> found = run(blocks_share_output);
    EXPECT_EQ(found[63], 64);
  }
}

}  // namespace
}  // namespace basin::cuda
