// Sums of functions of a row's elements, in double.
#pragma once
#include <algorithm>

#include "cuda/kernels/warp_reduce.cuh"
#include "cuda/launch.h"

namespace basin::cuda {

inline constexpr int kRowThreads = 256, kRowBlocks = 4;  // blocks on a multiprocessor: 64 registers a thread

// An array (rows, columns) whose rows are cut into parts, one a block.
struct RowLayout {
  RowLayout(std::int64_t rows_, std::int64_t columns_)
      : rows(rows_), columns(columns_), parts(std::max<std::int64_t>(1, (columns_ + kPart - 1) / kPart)) {}
  std::int64_t blocks() const { return rows * parts; }

  static constexpr std::int64_t kPart = kRowThreads * 32;
  std::int64_t rows, columns, parts;
};

// The share of the calling thread: elements begin, begin + kRowThreads, ... < end, all of one row.
struct RowShare {
  __device__ explicit RowShare(const RowLayout& layout) : block(blockIdx.x) {
    row = block / layout.parts;
    const std::int64_t first = block % layout.parts * RowLayout::kPart, last = first + RowLayout::kPart;
    begin = row * layout.columns + first + threadIdx.x;
    end = row * layout.columns + (last < layout.columns ? last : layout.columns);
  }
  std::int64_t block, row, begin, end;
};

struct RowSumShared {
  SharedArray<double, kRowThreads / 32> warp_sums;
};

struct AddDoubles {
  __device__ double operator()(double a, double b) const { return a + b; }
};

// sums[r, p] = sum over part p of row r of f(i), i the flat index
//
// sums (rows, parts); F a function of flat indices to double.
// Map:   a block owns a part of a row; a thread every kRowThreads-th element of it.
// Cost:  what f reads; writes 8 bytes a part.
// Order: fixed by the extents: a thread's elements ascending, then trees over lanes and warps.
template <class F>
__global__ void __launch_bounds__(kRowThreads, kRowBlocks) row_sums_kernel(F f, RowLayout layout, Global<double> sums) {
  RowSumShared& shared = shared_memory<RowSumShared>();
  const RowShare share(layout);
  double sum = 0;
  for (std::int64_t i = share.begin; i < share.end; i += kRowThreads) sum += f(i);
  sum = warp_reduce(sum, AddDoubles{});
  if (threadIdx.x % 32 == 0) shared.warp_sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  double total = 0;
  for (int warp = 0; warp < kRowThreads / 32; ++warp) total += shared.warp_sums[warp];
  sums[share.block] = total;
}

struct ValueOfDouble {
  Global<const double> values;
  __device__ double operator()(std::int64_t i) const { return values[i]; }
};

// A buffer of the sums (rows) of f over each row.
template <class F>
DeviceBuffer row_sums(Stream stream, const F& f, std::int64_t rows, std::int64_t columns) {
  const RowLayout layout(rows, columns);
  DeviceBuffer sums(stream, static_cast<std::size_t>(layout.blocks()) * sizeof(double));
  launch(stream, {blocks_for(layout.blocks(), 1), kRowThreads, sizeof(RowSumShared)}, row_sums_kernel<F>, f, layout,
         Global<double>(sums.as<double>(), layout.blocks()));
  if (layout.parts == 1) return sums;
  return row_sums(stream, ValueOfDouble{Global<const double>(sums.as<double>(), layout.blocks())}, rows, layout.parts);
}

}  // namespace basin::cuda
