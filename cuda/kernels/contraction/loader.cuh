// From a matrix in global memory to tiles in shared memory.
#pragma once
#include "cuda/kernels/contraction/matrices.cuh"
#include "cuda/kernels/contraction/tile.cuh"

namespace basin::cuda {

inline constexpr int kContractionThreads = 128,
                     kContractionBlocks = 2;  // blocks on a multiprocessor: 255 registers a thread

// An operand of a product. Is the inner index along its columns or along its rows? With `vectors` every 16 bytes of a
// tile's row are neighbours in memory, and aligned, or all outside.
template <class Matrix_, bool along_columns, bool vectors>
struct Operand {
  using Matrix = Matrix_;
  static constexpr bool kAlongColumns = along_columns, kVectors = vectors;
  Matrix matrix;
};

// A thread's share in the tiles of an operand: kCount chunks of 16 bytes, in one column of chunks, kRowStep rows apart.
// `outer` indices a tile; the inner ones go on from tile to tile.
template <class T, class Operand, int outer>
class TileLoader {
 public:
  static constexpr int kInner = 64 / sizeof(T);
  using Layout = std::conditional_t<Operand::kAlongColumns, TileLayout<T, outer, kInner, 1>,
                                    TileLayout<T, kInner, outer, sizeof(T) == 4 ? 2 : 1>>;

  __device__ TileLoader(const typename Operand::Matrix& matrix, int first_outer)
      : matrix_(matrix),
        first_outer_(first_outer),
        row_(threadIdx.x / Layout::kRowChunks),
        column_(threadIdx.x % Layout::kRowChunks * Layout::kChunk),
        place_(Layout::place(row_, column_)) {
    if constexpr (Operand::kAlongColumns) find_rows(first_outer);
  }

  // Loads inner indices [inner, inner + kInner) into the tile that begins at `begin`. Vectors are copies that have to
  // be committed and waited for.
  template <int N>
  __device__ void load(SharedArray<T, N>& tiles, int begin, int inner) {
    if (row_ >= Layout::kRows) return;
    if constexpr (!Operand::kAlongColumns) find_rows(inner);
    const int column = (Operand::kAlongColumns ? inner : first_outer_) + column_;
    if constexpr (Operand::kVectors)
      copy_chunks(tiles, begin, column);
    else
      load_elements(tiles, begin, column);
  }

 private:
  static constexpr int kRowStep = kContractionThreads / Layout::kRowChunks;
  static constexpr int kCount = (Layout::kRows + kRowStep - 1) / kRowStep;
  static_assert(kCount == 1 || (Layout::kRows % kRowStep == 0 && kRowStep % Layout::kPeriod == 0));

  __device__ void find_rows(int first_row) {
    for (int i = 0; i < kCount; ++i) rows_[i] = matrix_.row(first_row + row_ + i * kRowStep);
  }
  __device__ int place(int begin, int i) const { return begin + Layout::moved(place_, i * kRowStep, 0); }

  template <int N>
  __device__ void copy_chunks(SharedArray<T, N>& tiles, int begin, int column) const {
    const auto part = matrix_.column(column);
    for (int i = 0; i < kCount; ++i) {
      const std::int64_t from = matrix_.at(rows_[i], part);
      copy_async(tiles, place(begin, i), matrix_.values, from, from >= 0);
    }
  }

  template <int N>
  __device__ void load_elements(SharedArray<T, N>& tiles, int begin, int column) const {
    Vector<T, Layout::kChunk> chunks[kCount];
    for (int k = 0; k < Layout::kChunk; ++k) {
      const auto part = matrix_.column(column + k);
      for (int i = 0; i < kCount; ++i) {
        const std::int64_t from = matrix_.at(rows_[i], part);
        chunks[i][k] = from >= 0 ? static_cast<T>(matrix_.values[from]) : T{};
      }
    }
    for (int i = 0; i < kCount; ++i) tiles.template store_vector<Layout::kChunk>(place(begin, i), chunks[i]);
  }

  const typename Operand::Matrix& matrix_;
  int first_outer_, row_, column_, place_;
  typename Operand::Matrix::Row rows_[kCount];
};

}  // namespace basin::cuda
