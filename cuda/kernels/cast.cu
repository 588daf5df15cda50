#include "cuda/kernels/cast.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

template <class T>
constexpr T kLeast = std::numeric_limits<T>::min();
template <class T>
constexpr T kGreatest = std::numeric_limits<T>::max();
template <class T>
constexpr double kBeyond = 2 * static_cast<double>(kGreatest<T> / 2 + 1);  // exact, unlike the greatest

template <class To>
__device__ To to_integer(double x) {
  if (x >= kBeyond<To>) return kGreatest<To>;
  if (x <= static_cast<double>(kLeast<To>)) return kLeast<To>;
  return x == x ? static_cast<To>(x) : To{0};
}

template <class To, class From>
__device__ To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (kIsHalf<From>) {
    return convert<To>(widen(value));
  } else if constexpr (kIsHalf<To>) {
    return narrow<To>(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    return to_integer<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

// Elements of a thread: 16 bytes of the wider type.
template <class From, class To>
constexpr int kWidth = 16 / static_cast<int>(std::max(sizeof(From), sizeof(To)));

// y[i] = x[i]
//
// x, y (size), any size. vectors: both are 16-byte aligned; else elements are moved one by one.
// Map:   a thread owns kWidth neighbouring elements.
// Cost:  cast_cost: each element read and written once.
// Order: no reduction.
template <class From, class To>
__global__ void __launch_bounds__(kThreads)
    cast_kernel(Global<const From> x, std::int64_t size, bool vectors, Global<To> y) {
  constexpr int kCount = kWidth<From, To>;
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kCount;
  if (vectors && first + kCount <= size) {
    const Vector<From, kCount> in = x.template load_vector<kCount>(first);
    Vector<To, kCount> out;
    for (int k = 0; k < kCount; ++k) out[k] = convert<To>(in[k]);
    y.template store_vector<kCount>(first, out);
    return;
  }
  for (std::int64_t i = first; i < size && i < first + kCount; ++i) y[i] = convert<To>(static_cast<From>(x[i]));
}

}  // namespace

Cost cast_cost(std::int64_t size, DType from, DType to) {
  return {size * static_cast<std::int64_t>(size_of(from)), size * static_cast<std::int64_t>(size_of(to)), 0};
}

void cast(Stream stream, const ConstView& x, const View& y) {
  const std::int64_t size = y.size();
  check(x.size() == size, "cast: ", x.shape, " does not fit ", y.shape);
  dispatch_any(x.dtype, [&]<class From>(From) {
    dispatch_any(y.dtype, [&]<class To>(To) {
      launch(stream, {blocks_for(size, kThreads * kWidth<From, To>), kThreads}, cast_kernel<From, To>, global<From>(x),
             size, aligned_to_vectors(x.data) && aligned_to_vectors(y.data), global<To>(y));
    });
  });
}

}  // namespace basin::cuda
