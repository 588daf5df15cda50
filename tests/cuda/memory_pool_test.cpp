// Blocks of device memory: reused in one stream, kept apart in arenas, checked when they are handed out again.
#include "cuda/memory_pool.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/simt/allocations.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

__global__ void read_kernel(Global<const float> x) { [[maybe_unused]] const float value = x[0]; }
__global__ void fill_kernel(Global<float> x) { x[threadIdx.x] = 1; }

TEST(CudaMemoryPool, ReusesBlocksOfTheStreamAndSize) {
  const OwnedStream stream, other;
  MemoryPool pool(0);
  void* const first = pool.allocate(stream, 1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 256, 0u);
  pool.release(first);
  void* const elsewhere = pool.allocate(other, 1000);
  EXPECT_NE(elsewhere, first);
  void* const larger = pool.allocate(stream, 5000);
  EXPECT_NE(larger, first);
  void* const again = pool.allocate(stream, 900);
  EXPECT_EQ(again, first);
  EXPECT_EQ(pool.usage().used, pool.usage().reserved);
  for (void* block : {elsewhere, larger, again}) pool.release(block);
  EXPECT_EQ(pool.usage().used, 0u);
  EXPECT_GE(pool.usage().reserved, 2u * 900 + 5000);
  pool.trim();
  EXPECT_EQ(pool.usage().reserved, 0u);
}

TEST(CudaMemoryPool, WastesAtMostAnEighthOfLargeBlocks) {
  MemoryPool pool(0);
  for (const std::size_t bytes : {std::size_t{4097}, std::size_t{100'000}, std::size_t{1'234'567}}) {
    void* const block = pool.allocate(Stream(), bytes);
    EXPECT_GE(pool.usage().used, bytes);
    EXPECT_LE(pool.usage().used, bytes + bytes / 8 + 256);
    pool.release(block);
    pool.trim();
  }
}

TEST(CudaMemoryPool, EmptyBlocksDiffer) {
  const DeviceBuffer a(Stream(), 0), b(Stream(), 0);
  EXPECT_NE(a.data(), nullptr);
  EXPECT_NE(a.data(), b.data());
}

TEST(CudaMemoryPool, ABlockThatIsHandedOutAgainIsUnwritten) {
  void* released = nullptr;
  {
    const DeviceBuffer x(Stream(), 128);
    launch(Stream(), {1, 32}, fill_kernel, Global<float>(x.as<float>(), 32));
    released = x.data();
  }
  expect_error([&] { copy_on_device(Stream(), released, released, 4); }, {"of an allocation of 0 bytes"});
  const DeviceBuffer y(Stream(), 100);
  ASSERT_EQ(y.data(), released);
  expect_error(
      [&] {
        launch(Stream(), {1, 1}, read_kernel, Global<const float>(y.as<float>(), 25));
      },
      {"nothing has written"});
  expect_error(
      [&] {
        launch(Stream(), {1, 1}, read_kernel, Global<const float>(y.as<float>(), 26));
      },
      {"104 bytes at offset 0 of an allocation of 100 bytes"});
}

class LimitedMemory {
 public:
  explicit LimitedMemory(std::size_t free_bytes) : total_(simt::memory().total_bytes) {
    simt::set_total_memory(simt::memory().allocated_bytes + free_bytes);
  }
  ~LimitedMemory() { simt::set_total_memory(total_); }

 private:
  std::size_t total_;
};

TEST(CudaMemoryPool, GivesUnusedBlocksBackBeforeItFails) {
  MemoryPool pool(0);
  const LimitedMemory limited(3 << 20);
  pool.release(pool.allocate(Stream(), 2 << 20));
  void* const block = pool.allocate(Stream(), 5 << 19);  // 2.5 MiB, of 1 MiB that is free and 2 MiB unused
  EXPECT_EQ(pool.usage().used, std::size_t{5} << 19);
  expect_error([&] { pool.allocate(Stream(), 1 << 20); },
               {"memory_pool_test.cpp", "cuda:0 (SIMT emulator)", "no memory for 1.0 MiB", "0.5 MiB of ", "are free"});
  pool.release(block);
}

TEST(CudaMemoryArena, KeepsItsBlocksWhileItLives) {
  const OwnedStream stream;
  MemoryPool pool(0);
  void *inside = nullptr, *outliving = nullptr;
  {
    MemoryArena arena(pool, stream);
    inside = pool.allocate(stream, 512);
    pool.release(inside);
    EXPECT_EQ(pool.allocate(stream, 512), inside);  // reused inside of the arena
    outliving = pool.allocate(stream, 512);
    pool.release(inside);
    arena.close();
    void* const later = pool.allocate(stream, 512);
    EXPECT_NE(later, inside);
    pool.release(later);
    pool.trim();
    EXPECT_EQ(pool.usage().reserved, 1024u);  // the arena's two
  }
  // What is in use stays, the rest is everyone's.
  EXPECT_EQ(pool.usage().used, 512u);
  EXPECT_EQ(pool.allocate(stream, 512), inside);
  pool.release(outliving);
  EXPECT_EQ(pool.allocate(stream, 512), outliving);
  pool.release(inside);
  pool.release(outliving);
  pool.trim();
}

TEST(CudaMemoryArena, ReturnsWhatIsReleasedAfterItClosed) {
  const OwnedStream stream;
  MemoryPool pool(0);
  {
    MemoryArena arena(pool, stream);
    void* const block = pool.allocate(stream, 512);
    arena.close();
    pool.release(block);  // the graph still writes there
    void* const other = pool.allocate(stream, 512);
    EXPECT_NE(other, block);
    pool.release(other);
  }
  pool.trim();
  EXPECT_EQ(pool.usage().reserved, 0u);
}

TEST(CudaMemoryArena, IsOneOfAStream) {
  const OwnedStream stream;
  MemoryPool pool(0);
  MemoryArena arena(pool, stream);
  expect_error([&] { MemoryArena second(pool, stream); }, {"one arena"});
}

}  // namespace
}  // namespace basin::cuda
