#include "cuda/kernels/random.h"

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/philox.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256;

// y[i] = random.normal(i)      (Box, Muller 1958)
//
// y (size), any size. vectors: y is aligned as pairs.
// Map:   a thread owns the two neighbours that come from one Philox block.
// Cost:  writes y once; 10 Philox rounds, log, sqrt, sin and cos in double a pair.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads)
    normal_kernel(DeviceRandom random, std::int64_t size, bool vectors, Global<T> y) {
  const std::int64_t pair = std::int64_t{blockIdx.x} * kThreads + threadIdx.x, first = 2 * pair;
  if (first >= size) return;
  const NormalPair values = random.normal_pair(static_cast<std::uint64_t>(pair));
  Vector<T, 2> out;
  out[0] = narrow<T>(static_cast<float>(values.first));
  out[1] = narrow<T>(static_cast<float>(values.second));
  if (vectors && first + 2 <= size) {
    y.template store_vector<2>(first, out);
    return;
  }
  y[first] = out[0];
  if (first + 1 < size) y[first + 1] = out[1];
}

// y[i] = random.uniform(i)
//
// y (size), any size.
// Map:   a thread owns one element.
// Cost:  writes y once; 10 Philox rounds an element.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads) uniform_kernel(DeviceRandom random, std::int64_t size, Global<T> y) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < size) y[i] = narrow<T>(static_cast<float>(random.uniform(static_cast<std::uint64_t>(i))));
}

}  // namespace

void normal(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const View& y) {
  dispatch_float(y.dtype, "normal", [&]<class T>(T) {
    launch(stream, {blocks_for(y.size(), 2 * kThreads), kThreads}, normal_kernel<T>, DeviceRandom(seed, stream_number),
           y.size(), aligned_to_vectors(y.data), global<T>(y));
  });
}

void uniform(Stream stream, std::uint64_t seed, std::uint64_t stream_number, const View& y) {
  dispatch_float(y.dtype, "uniform", [&]<class T>(T) {
    launch(stream, {blocks_for(y.size(), kThreads), kThreads}, uniform_kernel<T>, DeviceRandom(seed, stream_number),
           y.size(), global<T>(y));
  });
}

}  // namespace basin::cuda
