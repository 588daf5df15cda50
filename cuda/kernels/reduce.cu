#include "cuda/kernels/reduce.h"

#include <vector>

#include "cuda/kernels/column_block.cuh"
#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/elementwise.h"
#include "cuda/kernels/global_view.cuh"

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
// x (outer, rows, columns), y (outer, parts, columns), row-major, f32, f16 or bf16; any extents. Sums are f32, rounded
// once if y is not.
// Map:   ColumnLayout; a thread adds up to kRowsPerThread rows of a column, a block's lanes are combined by a tree.
// Cost:  reads x once, writes y once; outer * rows * columns flops.
// Order: fixed by the extents: rows of a thread ascending, then the tree.
template <class From, class To>
__global__ void __launch_bounds__(kColumnThreads)
    sum_columns_kernel(Global<const From> x, ColumnLayout layout, Global<To> y) {
  SumShared& shared = shared_memory<SumShared>();
  const ColumnShare share(layout);
  float sum = 0;
  for (std::int64_t row = share.begin; row < share.end; row += layout.lanes) sum += widen(x[share.index(layout, row)]);
  sum = reduce_lanes(shared.values, sum, Plus{});
  if (share.writes_result()) y[share.result_index(layout)] = narrow<To>(sum);
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

// y (outer, inner) = sum over the middle axis of x (outer, middle, inner); in two or more passes where middle is long.
template <class From, class To>
void sum_middle(Stream stream, const From* x, std::int64_t outer, std::int64_t middle, std::int64_t inner, To* y) {
  const ColumnLayout layout(outer, middle, inner, kRowsPerThread);
  const LaunchShape shape(blocks_for(layout.blocks(), 1), layout.block(), sizeof(SumShared));
  const Global<const From> values(x, outer * middle * inner);
  const std::int64_t sums = outer * layout.parts * inner;
  if (layout.parts == 1)
    return launch(stream, shape, sum_columns_kernel<From, To>, values, layout, Global<To>(y, sums));
  const DeviceBuffer partial(stream, static_cast<std::size_t>(sums) * sizeof(float));
  launch(stream, shape, sum_columns_kernel<From, float>, values, layout, Global<float>(partial.as<float>(), sums));
  sum_middle(stream, partial.as<const float>(), outer, layout.parts, inner, y);
}

// Sums the last summed run of x into y, or into a buffer where more are left.
template <class From, class To>
void sum_runs(Stream stream, const From* x, std::vector<AxisRun> runs, To* y) {
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
  sum_runs(stream, sums.as<const float>(), std::move(runs), y);
}

// The cost of all passes: the first reads elements of `read` bytes, the last writes elements of `written` bytes.
Cost passes_cost(std::int64_t read, std::int64_t written, std::int64_t outer, std::int64_t middle, std::int64_t inner) {
  const ColumnLayout layout(outer, middle, inner, kRowsPerThread);
  const std::int64_t size = outer * middle * inner, sums = outer * layout.parts * inner;
  if (layout.parts == 1) return {read * size, written * sums, size};
  return Cost{read * size, 4 * sums, size} + passes_cost(4, written, outer, layout.parts, inner);
}

}  // namespace

Cost sum_middle_cost(DType type, std::int64_t outer, std::int64_t middle, std::int64_t inner) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  return passes_cost(bytes, bytes, outer, middle, inner);
}

void reduce_sum(Stream stream, const ConstView& x, const View& y) {
  check(x.dtype == y.dtype, "reduce_sum: ", x.dtype, " to ", y.dtype);
  if (x.size() == 0) return fill(stream, y, 0);
  dispatch_float(x.dtype, "reduce_sum",
                 [&]<class T>(T) { sum_runs(stream, x.as<T>(), axis_runs(x.shape, y.shape), y.as<T>()); });
}

}  // namespace basin::cuda
