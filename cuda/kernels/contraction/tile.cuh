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
  static constexpr int kLineChunks = 8;  // of 128 bytes: all banks
  static constexpr int kLineRows = kRowChunks < kLineChunks ? kLineChunks / kRowChunks : 1;
  static constexpr int kMask = (kRowChunks < kLineChunks ? kRowChunks : kLineChunks) - 1;

  // Rows after which the order of chunks is the same again.
  static constexpr int kPeriod = kLineRows * (kMask + 1) / step;

  __device__ static int place(int row, int column) {
    const int chunk = column / kChunk ^ (row / kLineRows * step & kMask);
    return row * kColumns + chunk * kChunk + column % kChunk;
  }
  // place(row + down, column + across) from place(row, column); `down` is a multiple of kPeriod, `across` one of kChunk
  // that has no binary digit in common with `column`. For constants an operation each.
  __device__ static int moved(int place, int down, int across) { return (place ^ across) + down * kColumns; }
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

// A lane's share in loading fragments from tiles. A tile has the inner index along its columns or along its rows.
template <Side side, bool along_columns, class Layout, class T>
class FragmentLoader {
 public:
  // For fragments from outer index `first` on, a multiple of a warp's extent.
  __device__ explicit FragmentLoader(int first) {
    const int lane = threadIdx.x % 32, matrix = lane / 8;
    if constexpr (along_columns)
      place_ = Layout::place(first + outer_of(matrix) + lane % 8, inner_of(matrix));
    else if constexpr (sizeof(T) == 2)
      place_ = Layout::place(inner_of(matrix) + lane % 8, first + outer_of(matrix));
    else
      place_ = Layout::place(lane % 4, first + lane / 4);
  }

  // Loads [first + outer, first + outer + 16) x [inner, inner + kInner) of the tile that begins at `begin`; `outer` is
  // a multiple of 16, `inner` of kInner.
  template <int N>
  __device__ void load(Fragment<T>& fragment, SharedArray<T, N>& tiles, int begin, int outer, int inner) const {
    std::uint32_t values[4];
    if constexpr (along_columns) {
      load_matrices(values, tiles, begin + Layout::moved(place_, outer, inner));
    } else if constexpr (sizeof(T) == 2) {
      load_matrices_transposed(values, tiles, begin + Layout::moved(place_, inner, outer));
    } else {
      for (int j = 0; j < 4; ++j) {
        const float value = tiles[begin + Layout::moved(place_, inner + inner_of(j), outer + outer_of(j))];
        std::memcpy(&values[j], &value, sizeof(value));
      }
    }
    set_fragment(fragment, values);
  }

 private:
  // Of a fragment's four matrices the first two are one after the other along the outer index in a, along the inner one
  // in b.
  __device__ static int outer_of(int matrix) { return (side == Side::a ? matrix % 2 : matrix / 2) * 8; }
  __device__ static int inner_of(int matrix) {
    constexpr int kPiece = 16 / sizeof(T);
    return (side == Side::a ? matrix / 2 : matrix % 2) * kPiece;
  }

  int place_;
};

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

  // += a b, all inner indices of the tiles of a stage. (contraction.cuh, Tiles)
  template <class Tiles>
  __device__ void add(Tiles& tiles, int stage, const typename Tiles::FragmentsA& load_a,
                      const typename Tiles::FragmentsB& load_b) {
    constexpr int kInner = Fragment<T>::kInner;
    for (int inner = 0; inner < Tiles::kInner; inner += kInner) {
      Fragment<T> a[rows / 16], b[columns / 16];
      for (int i = 0; i < rows / 16; ++i) load_a.load(a[i], tiles.a, stage * Tiles::LayoutA::kSize, 16 * i, inner);
      for (int j = 0; j < columns / 16; ++j) load_b.load(b[j], tiles.b, stage * Tiles::LayoutB::kSize, 16 * j, inner);
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
