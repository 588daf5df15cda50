// How blocks cover the rows of an array (outer, rows, columns) that are reduced, or mapped with values per column, and
// the reduction within a block.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

#include "cuda/launch.h"

namespace basin::cuda {

inline constexpr int kColumnThreads = 256;

// A block has (tile, lanes, groups) threads, powers of two: threadIdx.x is a column of its tile, threadIdx.z one of
// `groups` outer indices, and threadIdx.y takes every lanes-th row of its part. A warp thus reads neighbouring
// elements whatever the number of columns. All follows from the extents alone, so sums have one order on every device.
struct ColumnLayout {
  ColumnLayout(std::int64_t outer_, std::int64_t rows_, std::int64_t columns_, std::int64_t rows_per_thread)
      : outer(outer_), rows(rows_), columns(columns_) {
    tile = static_cast<int>(std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>(columns, 1, 32))));
    lanes = static_cast<int>(
        std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>(rows, 1, kColumnThreads / tile))));
    groups = std::min(kMaxGroups, kColumnThreads / (tile * lanes));
    rows_per_part = lanes * rows_per_thread;
    parts = std::max<std::int64_t>(1, (rows + rows_per_part - 1) / rows_per_part);
    tiles = (columns + tile - 1) / tile;
  }
  dim3 block() const {
    return {static_cast<unsigned>(tile), static_cast<unsigned>(lanes), static_cast<unsigned>(groups)};
  }
  std::int64_t blocks() const { return (outer + groups - 1) / groups * parts * tiles; }

  static constexpr int kMaxGroups = 64;  // CUDA's limit for blockDim.z
  std::int64_t outer, rows, columns;
  int tile, lanes, groups;
  std::int64_t rows_per_part, parts, tiles;
};

// The share of the calling thread: rows begin, begin + lanes, ... < end of one column; none where it is beyond the
// edge.
struct ColumnShare {
  __device__ explicit ColumnShare(const ColumnLayout& layout) {
    const std::int64_t block = blockIdx.x, group = block / (layout.parts * layout.tiles);
    outer = group * layout.groups + threadIdx.z;
    part = block / layout.tiles % layout.parts;
    column = block % layout.tiles * layout.tile + threadIdx.x;
    inside = outer < layout.outer && column < layout.columns;
    const std::int64_t first = part * layout.rows_per_part, last = first + layout.rows_per_part;
    begin = first + threadIdx.y;
    end = inside ? (last < layout.rows ? last : layout.rows) : begin;
  }
  // Of element (outer, row, column).
  __device__ std::int64_t index(const ColumnLayout& layout, std::int64_t row) const {
    return (outer * layout.rows + row) * layout.columns + column;
  }
  // Of element (outer, part, column) of the parts' results.
  __device__ std::int64_t result_index(const ColumnLayout& layout) const {
    return (outer * layout.parts + part) * layout.columns + column;
  }
  __device__ bool writes_result() const { return inside && threadIdx.y == 0; }

  std::int64_t outer, part, column, begin, end;
  bool inside;
};

// Combines the values of the lanes 0 to lanes - 1, a power of two, that share a column, by a tree; lane 0 gets the
// result. All threads of the block call it, thread lane * pitch + column each. `values` may be used again after the
// next barrier.
template <class T, int threads, class Combine>
__device__ T reduce_lanes(SharedArray<T, threads>& values, T value, const Combine& combine, unsigned column,
                          unsigned pitch, unsigned lane, unsigned lanes) {
  const unsigned at = lane * pitch + column;
  for (unsigned half = lanes / 2; half > 0; half /= 2) {
    if (lane >= half && lane < 2 * half) values[at] = value;
    __syncthreads();
    if (lane < half) {
      const T other = values[at + half * pitch];
      value = combine(value, other);
    }
  }
  return value;
}

// Of the threads that differ in threadIdx.y alone.
template <class T, class Combine>
__device__ T reduce_lanes(SharedArray<T, kColumnThreads>& values, T value, const Combine& combine) {
  const unsigned group = threadIdx.z * blockDim.y * blockDim.x;
  return reduce_lanes(values, value, combine, group + threadIdx.x, blockDim.x, threadIdx.y, blockDim.y);
}

}  // namespace basin::cuda
