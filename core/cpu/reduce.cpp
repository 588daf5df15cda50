// Sums. Blocks depend on the shapes alone and are added in ascending order, in double precision.
#include <algorithm>
#include <atomic>
#include <bit>
#include <limits>
#include <numeric>
#include <type_traits>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/memory_pool.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

constexpr int kLanes = 16;

// Sum of f(x[i]) over n contiguous values, in kLanes interleaved partial sums.
template <class T, class F>
double sum_run(const T* x, std::int64_t n, F f) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += f(static_cast<double>(x[i + lane]));
  for (; i < n; ++i) lanes[i % kLanes] += f(static_cast<double>(x[i]));
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

// sums[k] = sum over r of x[r, k] for x (rows, columns) with rows `stride` apart.
template <class T>
void sum_rows(const T* x, std::int64_t rows, std::int64_t columns, std::int64_t stride, double* sums) {
  if (columns == 1 && stride == 1) {
    *sums = sum_run(x, rows, [](double v) { return v; });
    return;
  }
  std::fill(sums, sums + columns, 0.0);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t k = 0; k < columns; ++k) sums[k] += static_cast<double>(x[r * stride + k]);
}

// y (outer, inner) = sum over the middle axis of x (outer, middle, inner).
template <class From, class To>
void sum_middle(const From* x, std::int64_t outer, std::int64_t middle, std::int64_t inner, To* y) {
  constexpr std::int64_t kColumns = 1024;
  const std::int64_t columns = std::min(inner, kColumns), tiles = (inner + columns - 1) / columns;
  const std::int64_t rows = std::max<std::int64_t>(1, kElementBlock / columns), blocks = (middle + rows - 1) / rows;
  // Many short sums: several outer indices an item.
  const std::int64_t group = std::max<std::int64_t>(1, kElementBlock / (columns * std::min(middle, rows)));
  const std::int64_t groups = (outer + group - 1) / group;
  const Scratch scratch(static_cast<std::size_t>(outer * blocks * inner) * sizeof(double));
  double* partial = scratch.as<double>();  // (outer, blocks, inner)

  parallel_for(groups * blocks * tiles, [&](std::int64_t item) {
    const std::int64_t tile = item % tiles * columns, block = item / tiles % blocks,
                       first = item / tiles / blocks * group;
    const std::int64_t width = std::min(columns, inner - tile), begin = block * rows,
                       end = std::min(middle, begin + rows);
    for (std::int64_t o = first; o < std::min(outer, first + group); ++o)
      sum_rows(x + (o * middle + begin) * inner + tile, end - begin, width, inner,
               partial + (o * blocks + block) * inner + tile);
  });
  parallel_for_blocks(outer * inner, kElementBlock, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double* p = partial + i / inner * blocks * inner + i % inner;
      double sum = 0;
      for (std::int64_t b = 0; b < blocks; ++b) sum += p[b * inner];
      y[i] = static_cast<To>(sum);
    }
  });
}

// A run of neighbouring axes that are all summed or all kept.
struct AxisRun {
  std::int64_t extent;
  bool summed;
};

std::vector<AxisRun> axis_runs(const Shape& x, const Shape& y) {
  std::vector<AxisRun> runs;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    if (x[axis] == 1) continue;
    const bool summed = x[axis] != y[axis];
    if (!runs.empty() && runs.back().summed == summed)
      runs.back().extent *= x[axis];
    else
      runs.push_back({x[axis], summed});
  }
  return runs;
}

std::int64_t extent_of(const std::vector<AxisRun>& runs, std::size_t begin, std::size_t end) {
  std::int64_t extent = 1;
  for (std::size_t i = begin; i < end; ++i) extent *= runs[i].extent;
  return extent;
}

// Sums the last summed run of x, then the rest, in double precision between.
template <class From, class To>
void sum_runs(const From* x, std::vector<AxisRun> runs, To* y) {
  const auto summed = [](const AxisRun& run) { return run.summed; };
  const auto last = std::find_if(runs.rbegin(), runs.rend(), summed);
  const std::size_t axis = last == runs.rend() ? runs.size() : static_cast<std::size_t>(runs.rend() - last) - 1;
  const std::int64_t outer = extent_of(runs, 0, axis),
                     inner = extent_of(runs, std::min(axis + 1, runs.size()), runs.size());
  const std::int64_t middle = axis < runs.size() ? runs[axis].extent : 1;
  if (axis < runs.size()) runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(axis));
  if (std::none_of(runs.begin(), runs.end(), summed)) {
    sum_middle(x, outer, middle, inner, y);
    return;
  }
  const Scratch sums(static_cast<std::size_t>(outer * inner) * sizeof(double));
  sum_middle(x, outer, middle, inner, sums.as<double>());
  sum_runs(static_cast<const double*>(sums.as<double>()), std::move(runs), y);
}

}  // namespace

void CpuBackend::reduce_sum(const ConstView& x, const View& y) {
  if (x.size() == 0) return fill(y, 0);
  dispatch_float(y.dtype, "reduce_sum",
                 [&]<class T>(T) { sum_runs(x.as<T>(), axis_runs(x.shape, y.shape), y.as<T>()); });
}

double CpuBackend::sum_of_squares(const ConstView& x) {
  return dispatch_float(x.dtype, "sum_of_squares", [&]<class T>(T) {
    const T* values = x.as<T>();
    std::vector<double> partial(static_cast<std::size_t>((x.size() + kElementBlock - 1) / kElementBlock));
    parallel_for_blocks(x.size(), kElementBlock, [&](std::int64_t begin, std::int64_t end) {
      partial[begin / kElementBlock] = sum_run(values + begin, end - begin, [](double v) { return v * v; });
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0);
  });
}

bool CpuBackend::all_finite(const ConstView& x) {
  return dispatch_float(x.dtype, "all_finite", [&]<class T>(T) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits kExponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());  // all ones: infinite or NaN
    const T* values = x.as<T>();
    std::atomic<bool> finite = true;
    parallel_for_blocks(x.size(), kElementBlock, [&](std::int64_t begin, std::int64_t end) {
      Bits bad = 0;
      for (std::int64_t i = begin; i < end; ++i) bad |= Bits{(std::bit_cast<Bits>(values[i]) & kExponent) == kExponent};
      if (bad) finite.store(false, std::memory_order_relaxed);
    });
    return finite.load();
  });
}

}  // namespace basin::cpu
