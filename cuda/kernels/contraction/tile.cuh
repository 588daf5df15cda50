// Tiles of matrices in shared memory, and what a warp does with them on tensor cores: load, multiply, store.
#pragma once
#include <cstring>

#include "cuda/platform.cuh"

namespace basin::cuda {

// Where the elements of a tile (kRows, kColumns) are: row-major in chunks of 16 bytes, but the chunks of a row change
// places with the row, so that those of one column in neighbouring rows are in different banks. `step` 1: of 8 rows a
// chunk each (ldmatrix, pairs of halves); 2: of 4 rows two chunks each (floats, which are twice as wide).
template <class T, int rows, int columns, int step>
struct TileLayout {
  static constexpr int kRows = rows, kColumns = columns, kSize = rows * columns;
  static constexpr int kChunk = 16 / sizeof(T), kRowChunks = columns / kChunk;
  static_assert((kRowChunks & (kRowChunks - 1)) == 0, "the chunks of a row change places by exclusive or");

  __device__ static int place(int row, int column) {
    constexpr int kLineChunks = 8;  // of 128 bytes: all banks
    constexpr int kLineRows = kRowChunks < kLineChunks ? kLineChunks / kRowChunks : 1;
    constexpr int kMask = (kRowChunks < kLineChunks ? kRowChunks : kLineChunks) - 1;
    const int chunk = column / kChunk ^ (row / kLineRows * step & kMask);
    return row * kColumns + chunk * kChunk + column % kChunk;
  }
};

// 16 rows of a (or 16 columns of b) by kInner: two pieces of 16 bytes of the inner index.
template <class T>
struct Fragment {
  static constexpr int kInner = 16;
  std::uint32_t values[4];
};
// A float as the sum of two tf32, 11 bits each: value = high + low but for the last bit or so.
template <>
struct Fragment<float> {
  static constexpr int kInner = 8;
  std::uint32_t high[4], low[4];
};

__device__ inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

__device__ inline void set_fragment(Fragment<float>& fragment, const std::uint32_t (&values)[4]) {
  for (int i = 0; i < 4; ++i) {
    const float value = float_of(values[i]);
    fragment.high[i] = to_tf32(value);
    fragment.low[i] = to_tf32(value - float_of(fragment.high[i]));
  }
}
template <class T>
__device__ void set_fragment(Fragment<T>& fragment, const std::uint32_t (&values)[4]) {
  for (int i = 0; i < 4; ++i) fragment.values[i] = values[i];
}

enum class Side { a, b };

// Loads [outer, outer + 16) x [inner, inner + kInner) of a tile that begins at `begin`. A tile has the inner index
// along its columns or along its rows.
template <Side side, bool along_columns, class Layout, class T, int N>
__device__ void load_fragment(Fragment<T>& fragment, SharedArray<T, N>& tiles, int begin, int outer, int inner) {
  constexpr int kPiece = 16 / sizeof(T);
  const int lane = threadIdx.x % 32;
  // Matrix j has outer indices from 8 (j % 2) and inner ones from kPiece (j / 2) in a, the other way round in b.
  const auto outer_of = [=](int j) { return outer + (side == Side::a ? j % 2 : j / 2) * 8; };
  const auto inner_of = [=](int j) { return inner + (side == Side::a ? j / 2 : j % 2) * kPiece; };
  const int o = outer_of(lane / 8), k = inner_of(lane / 8), i = lane % 8;
  std::uint32_t values[4];
  if constexpr (along_columns) {
    load_matrices(values, tiles, begin + Layout::place(o + i, k));
  } else if constexpr (sizeof(T) == 2) {
    load_matrices_transposed(values, tiles, begin + Layout::place(k + i, o));
  } else {
    for (int j = 0; j < 4; ++j) {
      const float value = tiles[begin + Layout::place(inner_of(j) + lane % 4, outer_of(j) + lane / 4)];
      std::memcpy(&values[j], &value, sizeof(value));
    }
  }
  set_fragment(fragment, values);
}

// sum (16, 8) += a (16, kInner) * b (kInner, 8), the columns of b from 8 * half.
template <class T>
__device__ void multiply_add(float (&sum)[4], const Fragment<T>& a, const Fragment<T>& b, int half) {
  mma_m16n8k16<T>(sum, a.values, {b.values[2 * half], b.values[2 * half + 1]});
}
// Products of tf32, the small ones first; low * low, 2^-22 of the whole, is left out. The sum of a step is added to the
// others outside of the tensor core, which truncates (Ootomo, Yokota 2022, "Recovering single precision accuracy from
// tensor cores").
__device__ inline void multiply_add(float (&sum)[4], const Fragment<float>& a, const Fragment<float>& b, int half) {
  const std::uint32_t high[2] = {b.high[2 * half], b.high[2 * half + 1]};
  const std::uint32_t low[2] = {b.low[2 * half], b.low[2 * half + 1]};
  float step[4] = {0, 0, 0, 0};
  mma_m16n8k8(step, a.low, high);
  mma_m16n8k8(step, a.high, low);
  mma_m16n8k8(step, a.high, high);
  for (int i = 0; i < 4; ++i) sum[i] += step[i];
}

// A warp's part (kRows, kColumns) of a product, in its registers.
template <class T, int rows, int columns>
class WarpProduct {
 public:
  static_assert(rows % 16 == 0 && columns % 16 == 0);

  // += a's rows from `row` times b's columns from `column`, all inner indices of the two tiles. (contraction.cuh,
  // Tiles)
  template <class Tiles>
  __device__ void add(Tiles& tiles, int stage, int row, int column) {
    constexpr int kInner = Fragment<T>::kInner;
    for (int inner = 0; inner < Tiles::kInner; inner += kInner) {
      Fragment<T> a[rows / 16], b[columns / 16];
      for (int i = 0; i < rows / 16; ++i)
        load_fragment<Side::a, Tiles::kAlongA, typename Tiles::LayoutA>(a[i], tiles.a, stage * Tiles::LayoutA::kSize,
                                                                        row + 16 * i, inner);
      for (int j = 0; j < columns / 16; ++j)
        load_fragment<Side::b, Tiles::kAlongB, typename Tiles::LayoutB>(b[j], tiles.b, stage * Tiles::LayoutB::kSize,
                                                                        column + 16 * j, inner);
      for (int i = 0; i < rows / 16; ++i)
        for (int j = 0; j < columns / 8; ++j) multiply_add(sums_[i][j], a[i], b[j / 2], j % 2);
    }
  }

  // Rounds to To, into a tile from (row, column).
  template <class Layout, class To, int N>
  __device__ void store(SharedArray<To, N>& tile, int row, int column) const {
    const int lane = threadIdx.x % 32;
    for (int i = 0; i < rows / 16; ++i)
      for (int j = 0; j < columns / 8; ++j)
        for (int half = 0; half < 2; ++half) {
          const Vector<To, 2> pair = {narrow<To>(sums_[i][j][2 * half]), narrow<To>(sums_[i][j][2 * half + 1])};
          tile.template store_vector<2>(
              Layout::place(row + 16 * i + 8 * half + lane / 4, column + 8 * j + lane % 4 * 2), pair);
        }
  }

 private:
  float sums_[rows / 16][columns / 8][4] = {};
};

}  // namespace basin::cuda
