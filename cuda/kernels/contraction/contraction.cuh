// The one kernel of matrix products and convolutions, and how it is launched.
#pragma once
#include <algorithm>

#include "cuda/kernels/contraction/contraction_config.h"
#include "cuda/kernels/contraction/loader.cuh"
#include "cuda/launch.h"

namespace basin::cuda {

// The extents of a block's part of a product.
template <int rows, int columns>
struct BlockExtents {
  static constexpr int kRows = rows, kColumns = columns;
  // Of the warps: pieces near to squares read the least.
  static constexpr int kWarps = kContractionThreads / 32, kWarpsAcross = columns >= 64 ? 2 : 1;
  static constexpr int kWarpRows = rows / (kWarps / kWarpsAcross), kWarpColumns = columns / kWarpsAcross;
};

// Of operands that are read element by element.
using ElementExtents = BlockExtents<64, 32>;

// The tiles of a block in shared memory: kStages of each operand, of which all but the last are on their way while one
// is multiplied.
template <class T, class Extents, class A, class B>
struct Tiles {
  using LoaderA = TileLoader<T, A, Extents::kRows>;
  using LoaderB = TileLoader<T, B, Extents::kColumns>;
  using LayoutA = typename LoaderA::Layout;
  using LayoutB = typename LoaderB::Layout;
  using FragmentsA = FragmentLoader<Side::a, A::kAlongColumns, LayoutA, T>;
  using FragmentsB = FragmentLoader<Side::b, B::kAlongColumns, LayoutB, T>;
  static constexpr int kInner = LoaderA::kInner, kStages = 3;
  SharedArray<T, kStages * LayoutA::kSize> a;
  SharedArray<T, kStages * LayoutB::kSize> b;
};

// A block's part of the result, on its way from registers to global memory: it takes the place of the tiles.
template <class Value, class Extents>
struct StagedResult {
  using Layout = TileLayout<Value, Extents::kRows, Extents::kColumns, sizeof(Value) == 4 ? 2 : 1>;
  SharedArray<Value, Layout::kSize> values;
};

// product += a b over the inner indices [begin, end); begin is a multiple of kInner.
template <class T, class Extents, class A, class B, class Product>
__device__ void multiply(const A& a, const B& b, int begin, int end, int warp_row, int warp_column, Product& product) {
  using Shared = Tiles<T, Extents, A, B>;
  constexpr int kStages = Shared::kStages, kInner = Shared::kInner;
  Shared& tiles = shared_memory<Shared>();
  typename Shared::LoaderA load_a(a.matrix, blockIdx.x * Extents::kRows);
  typename Shared::LoaderB load_b(b.matrix, blockIdx.y * Extents::kColumns);
  const typename Shared::FragmentsA fragments_a(warp_row);
  const typename Shared::FragmentsB fragments_b(warp_column);
  const auto load = [&](int stage, int inner) {
    if (inner < end) {
      load_a.load(tiles.a, stage * Shared::LayoutA::kSize, inner);
      load_b.load(tiles.b, stage * Shared::LayoutB::kSize, inner);
    }
    commit_copies();  // empty groups keep the count
  };
  for (int stage = 0; stage < kStages - 1; ++stage) load(stage, begin + stage * kInner);
  int stage = 0;
  for (int inner = begin; inner < end; inner += kInner) {
    wait_for_copies<kStages - 2>();
    __syncthreads();  // the tiles of this step are there, those of the step before have been read
    load(stage == 0 ? kStages - 1 : stage - 1, inner + (kStages - 1) * kInner);
    product.add(tiles, stage, fragments_a, fragments_b);
    stage = stage == kStages - 1 ? 0 : stage + 1;
  }
  wait_for_copies<0>();
  __syncthreads();
}

// y[z][m, n] = sum over k of a[g][m, k] b[g][k, n], z = g * splits + part, over the k of the part
//
// a (M, K) and b (K, N): Operands, read along either index. y: a Result. T is float (a value is two tf32), float16 or
// bfloat16; sums in f32, rounded once to Result::Value. Any extents.
// Map:   a block owns (kRows, kColumns) of y, a warp (kWarpRows, kWarpColumns) of that, in registers; the grid is row
//        tiles, column tiles, groups * splits. Operands pass through shared memory in tiles of 64 bytes of k, kStages
//        at a time; the result once.
// Cost:  2 M N K flops; reads a once per column tile, b once per row tile; writes y once.
// Order: k ascending in steps of a fragment, whatever the tiles; within those the tensor core's.
template <class T, class Extents, class A, class B, class Result>
__global__ void __launch_bounds__(kContractionThreads, kContractionBlocks)
    contraction_kernel(A a, B b, int inner, int splits, int split_extent, Result result) {
  using Value = typename Result::Value;
  using Staged = StagedResult<Value, Extents>;
  const int group = blockIdx.z / splits, part = blockIdx.z % splits, warp = threadIdx.x / 32;
  a.matrix.select_group(group);
  b.matrix.select_group(group);
  const int begin = part * split_extent, end = begin + split_extent < inner ? begin + split_extent : inner;
  const int row = warp / Extents::kWarpsAcross * Extents::kWarpRows;
  const int column = warp % Extents::kWarpsAcross * Extents::kWarpColumns;
  WarpProduct<T, Extents::kWarpRows, Extents::kWarpColumns> product;
  multiply<T, Extents>(a, b, begin, end, row, column, product);

  auto& staged = shared_memory<Staged>().values;
  product.template store<typename Staged::Layout>(staged, row, column);
  __syncthreads();
  constexpr int kWidth = Result::kWidth, kRowChunks = Extents::kColumns / kWidth;
  for (int i = threadIdx.x; i < Extents::kRows * kRowChunks; i += kContractionThreads) {
    const int m = i / kRowChunks, n = i % kRowChunks * kWidth;
    result.store(blockIdx.z, blockIdx.x * Extents::kRows + m, blockIdx.y * Extents::kColumns + n,
                 staged.template load_vector<kWidth>(Staged::Layout::place(m, n)));
  }
}

template <class T, class Extents, class A, class B, class Result>
void launch_contraction(Stream stream, const ContractionShape& shape, const ContractionConfig& config, const A& a,
                        const B& b, const Result& result, const Site& site = Site::current()) {
  const std::int64_t layers = shape.groups * config.splits;
  const std::int64_t column_tiles = (shape.columns + Extents::kColumns - 1) / Extents::kColumns;
  constexpr std::int64_t kMost = 65535;  // the grid's y and z
  check(column_tiles <= kMost && layers <= kMost, "contraction: ", shape.columns, " columns in ", shape.groups,
        " groups are too many");
  const std::size_t shared =
      std::max(sizeof(Tiles<T, Extents, A, B>), sizeof(StagedResult<typename Result::Value, Extents>));
  const dim3 grid(blocks_for(shape.rows, Extents::kRows), static_cast<unsigned>(column_tiles),
                  static_cast<unsigned>(layers));
  launch(stream, {grid, kContractionThreads, shared, site}, contraction_kernel<T, Extents, A, B, Result>, a, b,
         static_cast<int>(shape.inner), static_cast<int>(config.splits), static_cast<int>(config.split_extent), result);
}

// f(BlockExtents) of those that contraction_config names for T.
template <class T, class F>
void with_block(const ContractionConfig& config, const F& f) {
  if (config.rows == 128 && config.columns == 16) return f(BlockExtents<128, 16>{});
  if (config.rows == 128 && config.columns == 32) return f(BlockExtents<128, 32>{});
  if constexpr (sizeof(T) == 2)
    if (config.rows == 128) return f(BlockExtents<128, 64>{});
  if (config.columns == 16) return f(BlockExtents<64, 16>{});
  if (config.columns == 32) return f(BlockExtents<64, 32>{});
  f(BlockExtents<64, 64>{});
}

}  // namespace basin::cuda
