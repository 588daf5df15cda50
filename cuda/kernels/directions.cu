#include "cuda/kernels/directions.h"

#include <cmath>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/philox.cuh"
#include "cuda/kernels/row_sums.cuh"

namespace basin::cuda {
namespace {

// Where the elements of a direction come from, by flat index.
struct Drawn {
  DeviceRandom random;
  __device__ double operator()(std::int64_t i) const { return random.normal(static_cast<std::uint64_t>(i)); }
};
template <class T>
struct Difference {
  Global<const T> to, from;
  __device__ double operator()(std::int64_t i) const {
    return static_cast<double>(widen(to[i])) - static_cast<double>(widen(from[i]));
  }
};
template <class T>
struct Stored {
  Global<const T> values;
  __device__ double operator()(std::int64_t i) const { return widen(values[i]); }
};

template <class Element>
struct SquareOf {
  Element element;
  __device__ double operator()(std::int64_t i) const {
    const double value = element(i);
    return value * value;
  }
};

// own[r] = target / (sqrt(own[r]) + epsilon), 0 where that divisor is not positive
//
// own (rows): sums of squares of the direction; target = sqrt(weight[r]), weight (rows) those of the weights, or 1
// where it is null.
// Map:   a thread owns one row.
// Cost:  8 to 16 bytes read and 8 written a row.
// Order: no reduction.
__global__ void __launch_bounds__(kRowThreads)
    row_factors_kernel(Global<const double> weight, double epsilon, std::int64_t rows, Global<double> own) {
  const std::int64_t r = std::int64_t{blockIdx.x} * kRowThreads + threadIdx.x;
  if (r >= rows) return;
  const double divisor = std::sqrt(static_cast<double>(own[r])) + epsilon;
  double target = 1;
  if (weight) target = std::sqrt(static_cast<double>(weight[r]));
  own[r] = divisor > 0 ? target / divisor : 0;
}

// y[r, k] = element(r, k) * factors[r]
//
// y (rows, columns), factors (rows); an element is read by the thread that writes it, so y may be where it comes from.
// Map:   RowLayout: a block owns a part of a row, a thread every kRowThreads-th element of it.
// Cost:  what the elements take; writes y once.
// Order: no reduction.
template <class T, class Element>
__global__ void __launch_bounds__(kRowThreads)
    scale_rows_kernel(Element element, RowLayout layout, Global<const double> factors, Global<T> y) {
  const RowShare share(layout);
  const double factor = factors[share.row];
  for (std::int64_t i = share.begin; i < share.end; i += kRowThreads)
    y[i] = narrow<T>(static_cast<float>(element(i) * factor));
}

template <class T, class Element>
void scaled(Stream stream, const Element& element, const ConstView& weight, const RowScaling& scaling, const View& y) {
  const std::int64_t rows = scaling.rows;
  check(!scaling.by_weight || weight.shape == y.shape, "direction: weights ", weight.shape, " do not fit ", y.shape);
  if (y.size() == 0) return;
  check(rows > 0 && y.size() % rows == 0, "direction: ", y.shape, " does not have ", rows, " equal rows");
  const std::int64_t columns = y.size() / rows;
  const DeviceBuffer factors = row_sums(stream, SquareOf<Element>{element}, rows, columns);
  const auto set_factors = [&](const Global<const double>& squares) {
    launch(stream, {blocks_for(rows, kRowThreads), kRowThreads}, row_factors_kernel, squares, scaling.epsilon, rows,
           Global<double>(factors.as<double>(), rows));
  };
  if (scaling.by_weight) {
    using Weight = SquareOf<Stored<T>>;
    const DeviceBuffer squares = row_sums(stream, Weight{{global<T>(weight)}}, rows, columns);
    set_factors(Global<const double>(squares.as<double>(), rows));
  } else {
    set_factors({});
  }
  const RowLayout layout(rows, columns);
  launch(stream, {blocks_for(layout.blocks(), 1), kRowThreads}, scale_rows_kernel<T, Element>, element, layout,
         Global<const double>(factors.as<double>(), rows), global<T>(y));
}

}  // namespace

void random_direction(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const ConstView& weight,
                      const RowScaling& scaling, const View& y) {
  dispatch_float(y.dtype, "random_direction",
                 [&]<class T>(T) { scaled<T>(stream, Drawn{DeviceRandom(seed, stream_number)}, weight, scaling, y); });
}

void difference_direction(Stream stream, const ConstView& from, const ConstView& to, const RowScaling& scaling,
                          const View& y) {
  check(from.shape == to.shape, "direction: ", from.shape, " and ", to.shape, " differ");
  dispatch_float(y.dtype, "difference_direction", [&]<class T>(T) {
    scaled<T>(stream, Difference<T>{global<T>(to), global<T>(from)}, from, scaling, y);
  });
}

void scale_rows(Stream stream, const ConstView& weight, const RowScaling& scaling, const View& y) {
  dispatch_float(y.dtype, "scale_rows",
                 [&]<class T>(T) { scaled<T>(stream, Stored<T>{global<T>(ConstView(y))}, weight, scaling, y); });
}

}  // namespace basin::cuda
