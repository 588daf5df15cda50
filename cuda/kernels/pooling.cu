#include "cuda/kernels/pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kBlocks = 4;  // blocks on a multiprocessor: 64 registers a thread

// Positions [begin, end) of an axis.
struct Range {
  int begin, end;
};

struct Pooling {
  int height, width, rows, columns, channels;  // of x (N, height, width, channels) and y (N, rows, columns, channels)
  int kernel, stride, padding;

  // Of x in the window of output p.
  __host__ __device__ Range window(int p, int extent) const {
    const int first = p * stride - padding, last = first + kernel;
    return {first > 0 ? first : 0, last < extent ? last : extent};
  }
  // Of outputs whose windows cover input h.
  __host__ __device__ Range covering(int h, int outputs) const {
    const int from = h + padding, last = from / stride + 1;
    return {from < kernel ? 0 : (from - kernel) / stride + 1, last < outputs ? last : outputs};
  }
};

// The pixel and the first channel of a thread's vector, of all (N, rows, columns, channels / width).
struct Pixel {
  __device__ Pixel(unsigned vector, int rows, int columns, int channels, int width) {
    const unsigned vectors = static_cast<unsigned>(channels / width);
    unsigned rest = vector / vectors;
    channel = static_cast<int>(vector % vectors) * width;
    column = static_cast<int>(rest % static_cast<unsigned>(columns));
    rest /= static_cast<unsigned>(columns);
    row = static_cast<int>(rest % static_cast<unsigned>(rows));
    image = static_cast<int>(rest / static_cast<unsigned>(rows));
  }
  int image, row, column, channel;
};

// Of element (image, row, column, channel) of an array (N, rows, columns, channels).
__device__ std::int64_t flat_index(int image, int row, int column, int channel, int rows, int columns, int channels) {
  return ((std::int64_t{image} * rows + row) * columns + column) * channels + channel;
}

// Vectors of `width` indices, in parts of 16 bytes.
template <int width>
constexpr int kPart = std::min(width, 4);

template <int width>
__device__ Vector<std::int32_t, width> load_indices(const Global<const std::int32_t>& indices, std::int64_t at) {
  Vector<std::int32_t, width> all;
  for (int first = 0; first < width; first += kPart<width>) {
    const auto part = indices.template load_vector<kPart<width>>(at + first);
    for (int k = 0; k < kPart<width>; ++k) all[first + k] = part[k];
  }
  return all;
}

template <int width>
__device__ void store_indices(const Global<std::int32_t>& indices, std::int64_t at,
                              const Vector<std::int32_t, width>& all) {
  for (int first = 0; first < width; first += kPart<width>) {
    Vector<std::int32_t, kPart<width>> part;
    for (int k = 0; k < kPart<width>; ++k) part[k] = all[first + k];
    indices.template store_vector<kPart<width>>(at + first, part);
  }
}

// y[n, p, q, c] = max of x[n, h, w, c] over the window of (p, q); indices[n, p, q, c] = its flat position in x
//
// x (N, H, W, C), y and indices (N, P, Q, C) or null; count = N * P * Q * C / width. width > 1: it divides C, and all
// arrays are aligned as vectors. Map:   a thread owns `width` neighbouring channels of an output pixel. Cost:
// max_pool2d_cost: windows read once each (those that overlap, from a cache), y and indices written once. Order: row by
// row; a later value takes over only if it is greater, or the first NaN.
template <class T, int width>
__global__ void __launch_bounds__(kThreads, kBlocks)
    max_pool2d_kernel(Global<const T> x, Pooling pool, unsigned count, Global<T> y, Global<std::int32_t> indices) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const Pixel at(i, pool.rows, pool.columns, pool.channels, width);
  const Range rows = pool.window(at.row, pool.height), columns = pool.window(at.column, pool.width);
  const std::int64_t first =
      flat_index(at.image, rows.begin, columns.begin, at.channel, pool.height, pool.width, pool.channels);
  Vector<float, width> best;
  Vector<std::int32_t, width> index;
  for (int k = 0; k < width; ++k) {
    best[k] = -INFINITY;
    index[k] = static_cast<std::int32_t>(first + k);  // what stays where nothing is greater
  }
  for (int h = rows.begin; h < rows.end; ++h) {
    std::int64_t place = first + std::int64_t{h - rows.begin} * pool.width * pool.channels;
    for (int w = columns.begin; w < columns.end; ++w, place += pool.channels) {
      const auto values = x.template load_vector<width>(place);
      for (int k = 0; k < width; ++k) {
        const float value = widen(values[k]);
        if (!(value > best[k] || (value != value && best[k] == best[k]))) continue;
        best[k] = value;
        index[k] = static_cast<std::int32_t>(place + k);
      }
    }
  }
  Vector<T, width> greatest;
  for (int k = 0; k < width; ++k) greatest[k] = narrow<T>(best[k]);
  const std::int64_t out = std::int64_t{i} * width;
  y.template store_vector<width>(out, greatest);
  if (indices) store_indices<width>(indices, out, index);
}

// grad_x[n, h, w, c] = sum of grad_output[n, p, q, c] where indices[n, p, q, c] is that element's flat position
//
// grad_output and indices (N, P, Q, C), grad_x (N, H, W, C); count = N * H * W * C / width. width as above.
// Map:   a thread owns `width` neighbouring channels of an input pixel and looks at the windows that cover it.
// Cost:  max_pool2d_gradient_cost: grad_output and indices read once per pixel of a window (from a cache but once),
//        grad_x written once.
// Order: outputs ascending, in f32.
template <class T, int width>
__global__ void __launch_bounds__(kThreads, kBlocks)
    max_pool2d_gradient_kernel(Global<const T> grad_output, Global<const std::int32_t> indices, Pooling pool,
                               unsigned count, Global<T> grad_x) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const Pixel at(i, pool.height, pool.width, pool.channels, width);
  const Range rows = pool.covering(at.row, pool.rows), columns = pool.covering(at.column, pool.columns);
  const std::int64_t own = std::int64_t{i} * width;
  Vector<float, width> sum;
  for (int k = 0; k < width; ++k) sum[k] = 0;
  for (int p = rows.begin; p < rows.end; ++p) {
    std::int64_t place = flat_index(at.image, p, columns.begin, at.channel, pool.rows, pool.columns, pool.channels);
    for (int q = columns.begin; q < columns.end; ++q, place += pool.channels) {
      const auto index = load_indices<width>(indices, place);
      const auto grad = grad_output.template load_vector<width>(place);
      for (int k = 0; k < width; ++k)
        if (index[k] == static_cast<std::int32_t>(own + k)) sum[k] += widen(grad[k]);
    }
  }
  Vector<T, width> out;
  for (int k = 0; k < width; ++k) out[k] = narrow<T>(sum[k]);
  grad_x.template store_vector<width>(own, out);
}

// y[n, p, q, c] = scale * sum of x[n, h, w, c] over the window of (p, q), or the adjoint of that
//
// Forward, from = x (N, H, W, C) and to = y (N, P, Q, C); adjoint, from = grad_output (N, P, Q, C) and to = grad_x
// (N, H, W, C), summed over the windows that cover (h, w). count = to's elements / width; width as above.
// Map:   a thread owns `width` neighbouring channels of a pixel of `to`.
// Cost:  average_pool2d_cost: `from` read once per pair of a window and a pixel in it, `to` written once.
// Order: row by row, in f32.
template <bool adjoint, class T, int width>
__global__ void __launch_bounds__(kThreads, kBlocks)
    average_pool2d_kernel(Global<const T> from, Pooling pool, float scale, unsigned count, Global<T> to) {
  const unsigned i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const int from_rows = adjoint ? pool.rows : pool.height, from_columns = adjoint ? pool.columns : pool.width;
  const Pixel at(i, adjoint ? pool.height : pool.rows, adjoint ? pool.width : pool.columns, pool.channels, width);
  const Range rows = adjoint ? pool.covering(at.row, from_rows) : pool.window(at.row, from_rows);
  const Range columns = adjoint ? pool.covering(at.column, from_columns) : pool.window(at.column, from_columns);
  Vector<float, width> sum;
  for (int k = 0; k < width; ++k) sum[k] = 0;
  for (int row = rows.begin; row < rows.end; ++row) {
    std::int64_t place = flat_index(at.image, row, columns.begin, at.channel, from_rows, from_columns, pool.channels);
    for (int column = columns.begin; column < columns.end; ++column, place += pool.channels) {
      const auto values = from.template load_vector<width>(place);
      for (int k = 0; k < width; ++k) sum[k] += widen(values[k]);
    }
  }
  Vector<T, width> out;
  for (int k = 0; k < width; ++k) out[k] = narrow<T>(sum[k] * scale);
  to.template store_vector<width>(std::int64_t{i} * width, out);
}

Pooling pooling_of(const Shape& x, const Shape& y, const Pool2d& options, const char* kernel) {
  check(y == pool2d_shape(x, options), kernel, ": ", x, " is not pooled to ", y);
  const auto narrow_extent = [](std::int64_t extent) { return static_cast<int>(extent); };
  return {narrow_extent(x[1]),           narrow_extent(x[2]),           narrow_extent(y[1]),
          narrow_extent(y[2]),           narrow_extent(x[3]),           narrow_extent(options.kernel),
          narrow_extent(options.stride), narrow_extent(options.padding)};
}

void check_indexable(const Shape& x, const char* kernel) {
  check(x.count() <= std::numeric_limits<std::int32_t>::max(), kernel, ": ", x, " has too many elements");
}

float average_scale(const Pool2d& options) { return 1.0f / static_cast<float>(options.kernel * options.kernel); }

// f(count of vectors, their width as a constant): 16 bytes where the channels and all data allow it, else 1.
template <class T, class F>
void with_width(const View& out, const char* kernel, std::initializer_list<const void*> data, const F& f) {
  constexpr int kWidth = 16 / sizeof(T);
  const std::int64_t size = out.size();
  check(size <= std::numeric_limits<unsigned>::max() - kThreads, kernel, ": ", out.shape, " has too many elements");
  const bool vectors = out.shape.back() % kWidth == 0 && std::all_of(data.begin(), data.end(), aligned_to_vectors);
  if (vectors)
    f(static_cast<unsigned>(size / kWidth), std::integral_constant<int, kWidth>{});
  else
    f(static_cast<unsigned>(size), std::integral_constant<int, 1>{});
}

// Pairs of a window and a pixel in it, times the channels.
std::int64_t covered(const Shape& x, const Pool2d& options) {
  const Shape y = pool2d_shape(x, options);
  const Pooling pool = pooling_of(x, y, options, "pooling");
  std::int64_t rows = 0, columns = 0;
  for (int p = 0; p < pool.rows; ++p)
    rows += std::max(0, pool.window(p, pool.height).end - pool.window(p, pool.height).begin);
  for (int q = 0; q < pool.columns; ++q)
    columns += std::max(0, pool.window(q, pool.width).end - pool.window(q, pool.width).begin);
  return x[0] * rows * columns * x[3];
}

}  // namespace

Cost max_pool2d_cost(const Shape& x, const Pool2d& options, DType type) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const std::int64_t pairs = covered(x, options);
  return {pairs * bytes, pool2d_shape(x, options).count() * (bytes + 4), pairs};
}

Cost max_pool2d_gradient_cost(const Shape& x, const Pool2d& options, DType type) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const std::int64_t pairs = covered(x, options);
  return {pairs * (bytes + 4), x.count() * bytes, pairs};
}

Cost average_pool2d_cost(const Shape& x, const Pool2d& options, DType type) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const std::int64_t pairs = covered(x, options);
  return {pairs * bytes, pool2d_shape(x, options).count() * bytes, pairs};
}

Cost average_pool2d_gradient_cost(const Shape& x, const Pool2d& options, DType type) {
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const std::int64_t pairs = covered(x, options);
  return {pairs * bytes, x.count() * bytes, pairs};
}

namespace {

void max_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y, const View* indices) {
  const Pooling pool = pooling_of(x.shape, y.shape, options, "max_pool2d");
  check_indexable(x.shape, "max_pool2d");
  dispatch_float(y.dtype, "max_pool2d", [&]<class T>(T) {
    with_width<T>(y, "max_pool2d", {x.data, y.data, indices ? indices->data : nullptr},
                  [&](unsigned count, auto width) {
                    launch(stream, {blocks_for(count, kThreads), kThreads}, max_pool2d_kernel<T, width>, global<T>(x),
                           pool, count, global<T>(y), global<std::int32_t>(indices));
                  });
  });
}

}  // namespace

void max_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y, const View& indices) {
  check(indices.shape == y.shape, "max_pool2d: indices ", indices.shape, " do not fit ", y.shape);
  max_pool2d(stream, x, options, y, &indices);
}

void max_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y) {
  max_pool2d(stream, x, options, y, nullptr);
}

void max_pool2d_gradient(Stream stream, const ConstView& grad_output, const ConstView& indices, const Pool2d& options,
                         const View& grad_x) {
  const Pooling pool = pooling_of(grad_x.shape, grad_output.shape, options, "max_pool2d_gradient");
  check_indexable(grad_x.shape, "max_pool2d_gradient");
  check(indices.shape == grad_output.shape, "max_pool2d_gradient: indices ", indices.shape, " do not fit ",
        grad_output.shape);
  dispatch_float(grad_x.dtype, "max_pool2d_gradient", [&]<class T>(T) {
    with_width<T>(grad_x, "max_pool2d_gradient", {grad_output.data, indices.data, grad_x.data},
                  [&](unsigned count, auto width) {
                    launch(stream, {blocks_for(count, kThreads), kThreads}, max_pool2d_gradient_kernel<T, width>,
                           global<T>(grad_output), global<std::int32_t>(indices), pool, count, global<T>(grad_x));
                  });
  });
}

void average_pool2d(Stream stream, const ConstView& x, const Pool2d& options, const View& y) {
  const Pooling pool = pooling_of(x.shape, y.shape, options, "average_pool2d");
  dispatch_float(y.dtype, "average_pool2d", [&]<class T>(T) {
    with_width<T>(y, "average_pool2d", {x.data, y.data}, [&](unsigned count, auto width) {
      launch(stream, {blocks_for(count, kThreads), kThreads}, average_pool2d_kernel<false, T, width>, global<T>(x),
             pool, average_scale(options), count, global<T>(y));
    });
  });
}

void average_pool2d_gradient(Stream stream, const ConstView& grad_output, const Pool2d& options, const View& grad_x) {
  const Pooling pool = pooling_of(grad_x.shape, grad_output.shape, options, "average_pool2d_gradient");
  dispatch_float(grad_x.dtype, "average_pool2d_gradient", [&]<class T>(T) {
    with_width<T>(grad_x, "average_pool2d_gradient", {grad_output.data, grad_x.data}, [&](unsigned count, auto width) {
      launch(stream, {blocks_for(count, kThreads), kThreads}, average_pool2d_kernel<true, T, width>,
             global<T>(grad_output), pool, average_scale(options), count, global<T>(grad_x));
    });
  });
}

}  // namespace basin::cuda
