// Kernels that move values and compute nothing (scatter adds).
#include <algorithm>
#include <vector>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

// A run of neighbouring axes of an expansion that are all repeated or all kept.
struct AxisRun {
  std::int64_t extent;
  std::int64_t stride;  // in x, of the run's last axis; 0 when repeated
};

std::vector<AxisRun> axis_runs(const Shape& x, const Shape& y) {
  std::vector<AxisRun> runs;  // last axis first
  std::int64_t stride = 1;
  for (std::size_t axis = y.size(); axis-- > 0;) {
    if (y[axis] == 1) continue;
    const bool repeated = x[axis] == 1;
    if (!runs.empty() && (runs.back().stride == 0) == repeated)
      runs.back().extent *= y[axis];
    else
      runs.push_back({y[axis], repeated ? 0 : stride});
    stride *= x[axis];
  }
  return runs;
}

// A slice as `outer` rows of `run` elements, dense in the part; in the whole they start at `offset`, `whole_step`
// apart.
struct SliceRows {
  std::int64_t outer, run, whole_step, offset;
};

SliceRows slice_rows(const Shape& whole, const Shape& part, int axis, std::int64_t begin) {
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= whole[i];
  for (std::size_t i = axis + 1; i < whole.size(); ++i) inner *= whole[i];
  return {outer, part[axis] * inner, whole[axis] * inner, begin * inner};
}

std::int64_t rows_per_item(std::int64_t run) {
  return std::max<std::int64_t>(1, kElementBlock / std::max<std::int64_t>(1, run));
}

void check_index(std::int64_t index, std::int64_t size, const char* kernel) {
  check(index >= 0 && index < size, kernel, ": index ", index, " outside of ", size, " elements");
}

// Items of a scatter: groups of leading rows of the indices, and the range of y that each one touches.
struct IndexRange {
  std::int32_t least, greatest;
};

bool ascending_and_disjoint(const std::vector<IndexRange>& ranges) {
  return std::adjacent_find(ranges.begin(), ranges.end(), [](const IndexRange& a, const IndexRange& b) {
           return a.greatest >= b.least;
         }) == ranges.end();
}

}  // namespace

void CpuBackend::expand(const ConstView& x, const View& y) {
  if (y.size() == 0) return;
  std::vector<AxisRun> runs = axis_runs(x.shape, y.shape);
  if (runs.empty()) runs.push_back({1, 1});
  const std::int64_t width = runs[0].extent, rows = y.size() / width;
  const bool repeated = runs[0].stride == 0;
  dispatch_width(y.dtype, [&]<class T>(T) {
    const T* in = x.as<T>();
    T* out = y.as<T>();
    parallel_for_blocks(rows, rows_per_item(width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t offset = 0, rest = row;
        for (std::size_t i = 1; i < runs.size(); ++i) {
          offset += rest % runs[i].extent * runs[i].stride;
          rest /= runs[i].extent;
        }
        if (repeated)
          std::fill_n(out + row * width, width, in[offset]);
        else
          std::copy_n(in + offset, width, out + row * width);
      }
    });
  });
}

void CpuBackend::read_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) {
  const SliceRows rows = slice_rows(x.shape, y.shape, axis, begin);
  dispatch_width(y.dtype, [&]<class T>(T) {
    const T* whole = x.as<T>() + rows.offset;
    T* part = y.as<T>();
    parallel_for_blocks(rows.outer, rows_per_item(rows.run), [=](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i)
        std::copy_n(whole + i * rows.whole_step, rows.run, part + i * rows.run);
    });
  });
}

void CpuBackend::write_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) {
  const SliceRows rows = slice_rows(y.shape, x.shape, axis, begin);
  dispatch_width(y.dtype, [&]<class T>(T) {
    const T* part = x.as<T>();
    T* whole = y.as<T>() + rows.offset;
    parallel_for_blocks(rows.outer, rows_per_item(rows.run), [=](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i)
        std::copy_n(part + i * rows.run, rows.run, whole + i * rows.whole_step);
    });
  });
}

void CpuBackend::gather(const ConstView& x, const ConstView& indices, const View& y) {
  const std::int64_t size = x.size();
  dispatch_width(y.dtype, [&]<class T>(T) {
    const T* in = x.as<T>();
    const auto* index = indices.as<std::int32_t>();
    T* out = y.as<T>();
    parallel_for_blocks(y.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        check_index(index[i], size, "gather");
        out[i] = in[index[i]];
      }
    });
  });
}

// Additions to one element happen in ascending order of i: in parallel where leading rows of the indices point into
// ranges of y of their own (a pooled image into its image), serially elsewhere.
void CpuBackend::scatter(const ConstView& x, const ConstView& indices, const View& y) {
  fill(y, 0);
  const std::int64_t count = x.size(), size = y.size();
  if (count == 0) return;
  const std::int64_t row = indices.shape.empty() ? 1 : count / indices.shape[0];
  const std::int64_t block = row * rows_per_item(row), blocks = (count + block - 1) / block;
  const auto* index = indices.as<std::int32_t>();
  std::vector<IndexRange> ranges(static_cast<std::size_t>(blocks));
  parallel_for_blocks(count, block, [&](std::int64_t begin, std::int64_t end) {
    const auto [least, greatest] = std::minmax_element(index + begin, index + end);
    check_index(*least, size, "scatter");
    check_index(*greatest, size, "scatter");
    ranges[begin / block] = {*least, *greatest};
  });
  dispatch_float(y.dtype, "scatter", [&]<class T>(T) {
    const T* in = x.as<T>();
    T* out = y.as<T>();
    parallel_for_blocks(count, ascending_and_disjoint(ranges) ? block : count,
                        [=](std::int64_t begin, std::int64_t end) {
                          for (std::int64_t i = begin; i < end; ++i) out[index[i]] += in[i];
                        });
  });
}

}  // namespace basin::cpu
