// The vocabulary of AMX (Intel ISA extensions reference, chapter 3): eight tile registers of 16 rows of 64 bytes, here
// always whole, so that a tile is (16 rows, 32 bf16) or (16 rows, 16 f32). For files compiled with AMX; everything in
// it is inlined.
#pragma once
#include <cstddef>
#include <cstdint>

namespace basin::amx {

constexpr std::int64_t kTileRows = 16;
constexpr std::int64_t kTileBytes = 1024;
constexpr std::int64_t kRowBytes = 64;
constexpr std::int64_t kTileDepth = 32;    // bf16 values a row: the depth of one product
constexpr std::int64_t kTileColumns = 16;  // f32 values a row

// Tile registers are constants of the instructions, hence the template arguments. The clobber keeps vector stores
// before the tile loads that read them, and vector loads behind the tile stores that wrote for them.

// tile <- 16 rows of 64 bytes, `stride` bytes apart.
template <int kTile>
[[gnu::always_inline]] inline void load(const void* rows, std::ptrdiff_t stride) {
  asm volatile("tileloadd (%[rows],%[stride],1), %%tmm%c[tile]"
               :
               : [tile] "i"(kTile), [rows] "r"(rows), [stride] "r"(stride)
               : "memory");
}

// tile <- 0. Cheaper than to load what the sums begin with.
template <int kTile>
[[gnu::always_inline]] inline void clear() {
  asm volatile("tilezero %%tmm%c[tile]" : : [tile] "i"(kTile));
}

// 16 rows of 64 bytes, one behind the other, <- tile.
template <int kTile>
[[gnu::always_inline]] inline void store(void* rows) {
  asm volatile("tilestored %%tmm%c[tile], (%[rows],%[stride],1)"
               :
               : [tile] "i"(kTile), [rows] "r"(rows), [stride] "r"(kRowBytes)
               : "memory");
}

// sum[m, n] += x[m, 2 p + i] * w[p, 2 n + i] over the 16 pairs p and i = 0, 1; in f32, subnormals as zero.
template <int kSum, int kX, int kW>
[[gnu::always_inline]] inline void multiply_add() {
  asm volatile("tdpbf16ps %%tmm%c[w], %%tmm%c[x], %%tmm%c[sum]" : : [sum] "i"(kSum), [x] "i"(kX), [w] "i"(kW));
}

// Makes the tiles of this thread usable until it ends; release_tiles() saves the system from switching them.
void configure_tiles();
void release_tiles();

}  // namespace basin::amx
