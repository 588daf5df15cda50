#include "cuda/kernels/shape.h"

#include <limits>
#include <numeric>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kMaxRuns = 8;

// Threads count their work in 32 bits: divisions by extents, which are most of an index, are then several times
// cheaper.
unsigned checked_count(std::int64_t count, const char* kernel) {
  check(count <= std::numeric_limits<unsigned>::max() - kThreads, kernel, ": ", count,
        " elements are too many for one launch");
  return static_cast<unsigned>(count);
}

template <class T>
Global<const T> as_units(const void* data, std::int64_t bytes) {
  return Global<const T>(static_cast<const T*>(data), bytes / static_cast<std::int64_t>(sizeof(T)));
}
template <class T>
Global<T> as_units(void* data, std::int64_t bytes) {
  return Global<T>(static_cast<T*>(data), bytes / static_cast<std::int64_t>(sizeof(T)));
}
std::int64_t bytes_of(const ConstView& x) { return x.size() * static_cast<std::int64_t>(size_of(x.dtype)); }

// Runs of neighbouring axes of an expansion that are all repeated or all kept, last axes first.
struct AxisRuns {
  int count = 0;
  unsigned extent[kMaxRuns];
  std::int64_t stride[kMaxRuns];  // in x, of the run's last axis; 0 when repeated
};

AxisRuns axis_runs(const Shape& x, const Shape& y) {
  check(x.size() == y.size(), "expand: ", x, " and ", y, " differ in rank");
  AxisRuns runs;
  std::int64_t stride = 1;
  for (std::size_t axis = y.size(); axis-- > 0;) {
    const bool repeated = x[axis] != y[axis];
    check(!repeated || x[axis] == 1, "expand: ", x, " does not expand to ", y);
    if (y[axis] == 1) continue;
    const auto extent = static_cast<unsigned>(y[axis]);
    const int last = runs.count - 1;
    if (last >= 0 && (runs.stride[last] == 0) == repeated) {
      runs.extent[last] *= extent;
    } else {
      check(runs.count < kMaxRuns, "expand: ", x, " to ", y, " takes more than ", kMaxRuns, " changes of axes");
      runs.extent[runs.count] = extent;
      runs.stride[runs.count++] = repeated ? 0 : stride;
    }
    stride *= x[axis];
  }
  return runs;
}

// y[i] = x[element of i]
//
// y (count * width), T an unsigned integer as wide as the element. width > 1: a multiple of the last run's extent lies
// in no vector's middle, and both arrays are aligned as vectors.
// Map:   a thread owns `width` neighbouring elements of y: one vector of x, or one element of it where the last run is
//        repeated.
// Cost:  reads one element or vector of x a thread, most of them from a cache; writes y once.
// Order: no reduction.
template <class T, int width>
__global__ void __launch_bounds__(kThreads)
    expand_kernel(Global<const T> x, AxisRuns runs, unsigned count, Global<T> y) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  std::int64_t at = 0;
  unsigned rest = i;
  for (int run = 0; run < kMaxRuns; ++run) {  // a constant bound, so that the runs need no indexed memory
    if (run >= runs.count) break;
    const unsigned extent = run == 0 ? runs.extent[0] / width : runs.extent[run];
    at += std::int64_t{rest % extent} * (run == 0 ? width * runs.stride[0] : runs.stride[run]);
    rest /= extent;
  }
  Vector<T, width> values;
  if (runs.count > 0 && runs.stride[0] == 0) {
    const T value = x[at];
    for (int k = 0; k < width; ++k) values[k] = value;
  } else {
    values = x.template load_vector<width>(at);
  }
  y.template store_vector<width>(std::int64_t{i} * width, values);
}

// A slice as rows of `run` units, dense in the part; in the whole they start at `offset`, `step` apart.
struct SliceRows {
  std::int64_t rows, run, step, offset;
};

SliceRows slice_rows(const ConstView& whole, const ConstView& part, int axis, std::int64_t begin, const char* kernel) {
  check(whole.dtype == part.dtype, kernel, ": ", whole.dtype, " and ", part.dtype, " differ");
  check(whole.shape.size() == part.shape.size(), kernel, ": ", whole.shape, " and ", part.shape, " differ in rank");
  const auto rank = static_cast<int>(whole.shape.size());
  check(axis >= 0 && axis < rank, kernel, ": no axis ", axis, " in ", whole.shape);
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < rank; ++i) {
    if (i == axis) continue;
    check(whole.shape[i] == part.shape[i], kernel, ": ", part.shape, " is no slice of ", whole.shape, " along axis ",
          axis);
    (i < axis ? outer : inner) *= whole.shape[i];
  }
  check(begin >= 0 && begin + part.shape[axis] <= whole.shape[axis], kernel, ": ", part.shape, " at ", begin,
        " of axis ", axis, " exceeds ", whole.shape);
  return {outer, part.shape[axis] * inner, whole.shape[axis] * inner, begin * inner};
}

// to[r * to_step + k] = from[r * from_step + k] for k < run
//
// In units of `width` words; r = i / run and k = i % run of the units i < count.
// Map:   a thread owns one unit.
// Cost:  slice_cost: each element read and written once.
// Order: no reduction.
template <class Word, int width>
__global__ void __launch_bounds__(kThreads)
    copy_rows_kernel(Global<const Word> from, std::int64_t from_step, Global<Word> to, std::int64_t to_step,
                     unsigned run, unsigned count) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const std::int64_t row = i / run, k = i % run;
  to.template store_vector<width>((row * to_step + k) * width,
                                  from.template load_vector<width>((row * from_step + k) * width));
}

// Copies rows of `run` bytes that start `step` bytes apart.
struct ByteRows {
  std::int64_t count, run;
  const char* from;
  std::int64_t from_step;
  char* to;
  std::int64_t to_step;
};

template <class Word, int width>
void copy_units(Stream stream, const ByteRows& rows, const char* kernel) {
  constexpr std::int64_t kUnit = sizeof(Word) * width;
  const unsigned count = checked_count(rows.count * rows.run / kUnit, kernel);
  const std::int64_t before_last = rows.count - 1;
  launch(stream, {blocks_for(count, kThreads), kThreads}, copy_rows_kernel<Word, width>,
         as_units<Word>(rows.from, before_last * rows.from_step + rows.run), rows.from_step / kUnit,
         as_units<Word>(rows.to, before_last * rows.to_step + rows.run), rows.to_step / kUnit,
         static_cast<unsigned>(rows.run / kUnit), count);
}

// In the widest unit that fits all extents and addresses.
void copy_rows(Stream stream, const ByteRows& rows, const char* kernel) {
  if (rows.count == 0 || rows.run == 0) return;
  const auto at = [](const char* data) { return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data)); };
  std::int64_t unit = 16;
  for (const std::int64_t extent : {rows.run, rows.from_step, rows.to_step, at(rows.from), at(rows.to)})
    unit = std::gcd(unit, extent);
  switch (unit) {
    case 16:
      return copy_units<std::uint32_t, 4>(stream, rows, kernel);
    case 8:
      return copy_units<std::uint32_t, 2>(stream, rows, kernel);
    case 4:
      return copy_units<std::uint32_t, 1>(stream, rows, kernel);
    case 2:
      return copy_units<std::uint16_t, 1>(stream, rows, kernel);
    default:
      return copy_units<std::uint8_t, 1>(stream, rows, kernel);
  }
}

// y[i] = x[indices[i]], or all bits set where that is outside of x
//
// x (size), indices and y (count); T an unsigned integer as wide as the element.
// Map:   a thread owns one element of y.
// Cost:  reads indices and an element of x each, writes y.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_kernel(Global<const T> x, std::int64_t size, Global<const std::int32_t> indices, std::int64_t count,
                  Global<T> y) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const std::int32_t index = indices[i];
  T value = static_cast<T>(~T{0});
  if (index >= 0 && index < size) value = x[index];
  y[i] = value;
}

}  // namespace

Cost slice_cost(std::int64_t size, DType type) {
  const std::int64_t bytes = size * static_cast<std::int64_t>(size_of(type));
  return {bytes, bytes, 0};
}

void expand(Stream stream, const ConstView& x, const View& y) {
  check(x.dtype == y.dtype, "expand: ", x.dtype, " and ", y.dtype, " differ");
  checked_count(y.size(), "expand");
  const AxisRuns runs = axis_runs(x.shape, y.shape);
  if (y.size() == 0) return;
  dispatch_width(y.dtype, [&]<class T>(T) {
    constexpr int kWidth = 16 / sizeof(T);
    const bool vectors = runs.count > 0 && runs.extent[0] % kWidth == 0 && aligned_to_vectors(y.data) &&
                         (runs.stride[0] == 0 || aligned_to_vectors(x.data));
    const unsigned count = static_cast<unsigned>(y.size() / (vectors ? kWidth : 1));
    launch(stream, {blocks_for(count, kThreads), kThreads}, vectors ? expand_kernel<T, kWidth> : expand_kernel<T, 1>,
           as_units<T>(x.data, bytes_of(x)), runs, count, as_units<T>(y.data, bytes_of(y)));
  });
}

void read_slice(Stream stream, const ConstView& x, int axis, std::int64_t begin, const View& y) {
  const SliceRows slice = slice_rows(x, y, axis, begin, "read_slice");
  const auto size = static_cast<std::int64_t>(size_of(x.dtype));
  copy_rows(stream,
            {slice.rows, slice.run * size, x.as<char>() + slice.offset * size, slice.step * size, y.as<char>(),
             slice.run * size},
            "read_slice");
}

void write_slice(Stream stream, const ConstView& x, int axis, std::int64_t begin, const View& y) {
  const SliceRows slice = slice_rows(y, x, axis, begin, "write_slice");
  const auto size = static_cast<std::int64_t>(size_of(x.dtype));
  copy_rows(stream,
            {slice.rows, slice.run * size, x.as<char>(), slice.run * size, y.as<char>() + slice.offset * size,
             slice.step * size},
            "write_slice");
}

void gather(Stream stream, const ConstView& x, const ConstView& indices, const View& y) {
  check(x.dtype == y.dtype, "gather: ", x.dtype, " and ", y.dtype, " differ");
  check(indices.size() == y.size(), "gather: indices ", indices.shape, " do not fit ", y.shape);
  dispatch_width(y.dtype, [&]<class T>(T) {
    launch(stream, {blocks_for(y.size(), kThreads), kThreads}, gather_kernel<T>, as_units<T>(x.data, bytes_of(x)),
           x.size(), global<std::int32_t>(indices), y.size(), as_units<T>(y.data, bytes_of(y)));
  });
}

}  // namespace basin::cuda
