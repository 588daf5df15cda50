#include "cuda/kernels/norms.h"

#include <cfloat>
#include <cmath>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/row_sums.cuh"

namespace basin::cuda {
namespace {

template <class T>
struct Square {
  Global<const T> x;
  __device__ double operator()(std::int64_t i) const {
    const double value = widen(x[i]);
    return value * value;
  }
};

template <class T>
struct NotFinite {
  Global<const T> x;
  __device__ double operator()(std::int64_t i) const { return fabsf(widen(x[i])) <= FLT_MAX ? 0 : 1; }
};

double to_host(Stream stream, const DeviceBuffer& sum) {
  double value = 0;
  copy_to_host(stream, &value, sum.data(), sizeof value);
  return value;
}

// norms[r] = sqrt(squares[r])
//
// squares (rows) double, norms (rows) f32. Map: a thread owns one. Cost: 12 bytes each. Order: no reduction.
__global__ void __launch_bounds__(kRowThreads)
    square_root_kernel(Global<const double> squares, std::int64_t rows, Global<float> norms) {
  const std::int64_t r = std::int64_t{blockIdx.x} * kRowThreads + threadIdx.x;
  if (r < rows) norms[r] = static_cast<float>(std::sqrt(static_cast<double>(squares[r])));
}

}  // namespace

double sum_of_squares(Stream stream, const ConstView& x) {
  return dispatch_float(x.dtype, "sum_of_squares", [&]<class T>(T) {
    return to_host(stream, row_sums(stream, Square<T>{global<T>(x)}, 1, x.size()));
  });
}

bool all_finite(Stream stream, const ConstView& x) {
  return dispatch_float(x.dtype, "all_finite", [&]<class T>(T) {
    return to_host(stream, row_sums(stream, NotFinite<T>{global<T>(x)}, 1, x.size())) == 0;
  });
}

void filter_norms(Stream stream, const ConstView& x, const View& norms) {
  const std::int64_t rows = norms.size();
  check(norms.shape.size() == 1 && !x.shape.empty() && x.shape[0] == rows, "filter_norms: ", norms.shape,
        " are not the norms of the rows of ", x.shape);
  if (rows == 0) return;
  dispatch_float(x.dtype, "filter_norms", [&]<class T>(T) {
    const DeviceBuffer squares = row_sums(stream, Square<T>{global<T>(x)}, rows, x.size() / rows);
    launch(stream, {blocks_for(rows, kRowThreads), kRowThreads}, square_root_kernel,
           Global<const double>(squares.as<double>(), rows), rows, global<float>(norms));
  });
}

}  // namespace basin::cuda
