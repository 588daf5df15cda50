#include "cuda/kernels/reduce.h"

#include <vector>

#include "cuda/kernels/column_block.cuh"
#include "cuda/kernels/elementwise.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kRowsPerThread = 32;

struct SumShared {
  SharedArray<float, kColumnThreads> values;
};

struct Plus {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// y[o, p, k] = sum over the rows m of part p of x[o, m, k]
//
// x (outer, rows, columns), y (outer, parts, columns), f32, row-major; any extents.
// Map:   ColumnLayout; a thread adds up to kRowsPerThread rows of a column, a block's lanes are combined by a tree.
// Cost:  reads 4 bytes an element of x, writes 4 an element of y; outer * rows * columns flops.
// Order: fixed by the extents: rows of a thread ascending, then the tree.
__global__ void __launch_bounds__(kColumnThreads)
    sum_columns_kernel(Global<const float> x, ColumnLayout layout, Global<float> y) {
  SumShared& shared = shared_memory<SumShared>();
  const ColumnShare share(layout);
  float sum = 0;
  for (std::int64_t row = share.begin; row < share.end; row += layout.lanes) sum += x[share.index(layout, row)];
  sum = reduce_lanes(shared.values, sum, Plus{});
  if (share.writes_result()) y[share.result_index(layout)] = sum;
}

// A run of neighbouring axes that are all summed or all kept.
struct AxisRun {
  std::int64_t extent;
  bool summed;
};

std::vector<AxisRun> axis_runs(const Shape& x, const Shape& y) {
  check(x.size() == y.size(), "reduce_sum: ", x, " and ", y, " differ in rank");
  std::vector<AxisRun> runs;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    const bool summed = x[axis] != y[axis];
    check(!summed || y[axis] == 1, "reduce_sum: ", x, " cannot be summed to ", y);
    if (!runs.empty() && runs.back().summed == summed)
      runs.back().extent *= x[axis];
    else
      runs.push_back({x[axis], summed});
  }
  return runs;
}

// Sums the last summed run of x into y, or into a buffer where more are left.
void sum_runs(Stream stream, const float* x, std::vector<AxisRun> runs, float* y) {
  std::int64_t outer = 1, middle = 1, inner = 1;
  while (!runs.empty() && !runs.back().summed) {
    inner *= runs.back().extent;
    runs.pop_back();
  }
  if (!runs.empty()) {
    middle = runs.back().extent;
    runs.pop_back();
  }
  bool more = false;
  for (const AxisRun& run : runs) {
    outer *= run.extent;
    more = more || run.summed;
  }
  if (!more) return sum_middle(stream, x, outer, middle, inner, y);
  const DeviceBuffer sums(stream, static_cast<std::size_t>(outer * inner) * sizeof(float));
  sum_middle(stream, x, outer, middle, inner, sums.as<float>());
  runs.push_back({inner, false});
  sum_runs(stream, sums.as<float>(), std::move(runs), y);
}

}  // namespace

Cost sum_middle_cost(std::int64_t outer, std::int64_t middle, std::int64_t inner) {
  const ColumnLayout layout(outer, middle, inner, kRowsPerThread);
  const std::int64_t size = outer * middle * inner, sums = outer * layout.parts * inner;
  const Cost cost{4 * size, 4 * sums, size};
  return layout.parts == 1 ? cost : cost + sum_middle_cost(outer, layout.parts, inner);
}

void sum_middle(Stream stream, const float* x, std::int64_t outer, std::int64_t middle, std::int64_t inner, float* y) {
  const ColumnLayout layout(outer, middle, inner, kRowsPerThread);
  const LaunchShape shape(blocks_for(layout.blocks(), 1), layout.block(), sizeof(SumShared));
  const Global<const float> values(x, outer * middle * inner);
  const std::int64_t sums = outer * layout.parts * inner;
  if (layout.parts == 1) return launch(stream, shape, sum_columns_kernel, values, layout, Global<float>(y, sums));
  const DeviceBuffer partial(stream, static_cast<std::size_t>(sums) * sizeof(float));
  launch(stream, shape, sum_columns_kernel, values, layout, Global<float>(partial.as<float>(), sums));
  sum_middle(stream, partial.as<float>(), outer, layout.parts, inner, y);
}

void reduce_sum(Stream stream, const ConstView& x, const View& y) {
  check(x.dtype == DType::f32 && y.dtype == DType::f32, "reduce_sum: f32 expected, found ", x.dtype, " and ", y.dtype);
  if (x.size() == 0) return fill(stream, y, 0);
  sum_runs(stream, x.as<float>(), axis_runs(x.shape, y.shape), y.as<float>());
}

}  // namespace basin::cuda
