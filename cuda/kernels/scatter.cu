// Counting, a running sum and placing give every output the list of its inputs, as a sort by index would; integer
// atomics leave only the order within a list open, so each list is sorted before it is added up.
#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/scan.h"
#include "cuda/kernels/shape.h"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int32_t kShortList = 32;  // one thread sorts so many alone
constexpr std::int64_t kGreatestCount = std::int64_t{1} << 30;

// counts[k] = 0
//
// Map: a thread owns one. Cost: writes 4 bytes each. Order: no reduction.
__global__ void __launch_bounds__(kThreads) clear_kernel(Global<std::int32_t> counts, std::int64_t size) {
  const std::int64_t k = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (k < size) counts[k] = 0;
}

// counts[k] += number of i with indices[i] == k
//
// indices (count), counts (size), i32; others are ignored.
// Map:   a thread owns one index.
// Cost:  reads 4 bytes and adds atomically to 4, an index.
// Order: integers, so any.
__global__ void __launch_bounds__(kThreads) count_kernel(Global<const std::int32_t> indices, std::int64_t count,
                                                         Global<std::int32_t> counts, std::int64_t size) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const std::int32_t index = indices[i];
  if (index >= 0 && index < size) counts.atomic_add(index, 1);
}

// list[next[indices[i]]++] = i
//
// next (size): where each list begins, and afterwards where it ends; list (count).
// Map:   a thread owns one index.
// Cost:  reads 4 bytes, adds atomically to 4 and writes 4, an index.
// Order: open within a list.
__global__ void __launch_bounds__(kThreads)
    place_kernel(Global<const std::int32_t> indices, std::int64_t count, Global<std::int32_t> next, std::int64_t size,
                 Global<std::int32_t> list) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const std::int32_t index = indices[i];
  if (index >= 0 && index < size) list[next.atomic_add(index, 1)] = static_cast<std::int32_t>(i);
}

// Insertion sort of list[begin : end], by one thread.
__device__ void sort_short(Global<std::int32_t> list, std::int32_t begin, std::int32_t end) {
  for (std::int32_t i = begin + 1; i < end; ++i) {
    const std::int32_t value = list[i];
    std::int32_t at = i;
    for (; at > begin; --at) {
      const std::int32_t other = list[at - 1];
      if (other <= value) break;
      list[at] = other;
    }
    list[at] = value;
  }
}

// Bitonic sort of list[begin : end], by all threads of the block (Batcher 1968; every comparison puts the lesser value
// first, so that a list of any length is one of 2^n whose last values are infinite).
__device__ void sort_long(Global<std::int32_t> list, std::int32_t begin, std::int32_t end) {
  const unsigned length = static_cast<unsigned>(end - begin);
  for (unsigned merged = 2; merged < 2 * length; merged *= 2)
    for (unsigned half = merged / 2; half > 0; half /= 2) {
      const bool mirrored = half == merged / 2;
      for (unsigned pair = threadIdx.x; pair / half * 2 * half + pair % half < length; pair += kThreads) {
        const unsigned first = pair / half * 2 * half, a = first + pair % half;
        const unsigned b = mirrored ? first + 2 * half - 1 - pair % half : a + half;
        if (b >= length) continue;
        const std::int32_t low = list[begin + a], high = list[begin + b];
        if (low > high) {
          list[begin + a] = high;
          list[begin + b] = low;
        }
      }
      __syncthreads();
    }
}

struct ListShared {
  SharedArray<std::int32_t, kThreads> begin, end;
  SharedArray<std::int32_t, 1> long_lists;
};

// y[k] = sum of x[i] over the i in output k's list, ascending
//
// x (count), list (count), ends (size): list k is list[ends[k - 1] : ends[k]]; y (size).
// Map:   a thread owns one output; lists longer than kShortList are sorted by its whole block, one after another.
// Cost:  reads 4 bytes an output, 4 and an element of x an input; writes y. Sorting comes to it.
// Order: ascending i, in f32.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sum_lists_kernel(Global<const T> x, Global<std::int32_t> list, Global<const std::int32_t> ends, std::int64_t size,
                     Global<T> y) {
  ListShared& shared = shared_memory<ListShared>();
  const std::int64_t k = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  std::int32_t begin = 0, end = 0;
  if (k < size) {
    if (k > 0) begin = ends[k - 1];
    end = ends[k];
  }
  if (threadIdx.x == 0) shared.long_lists[0] = 0;
  shared.begin[threadIdx.x] = begin;
  shared.end[threadIdx.x] = end;
  __syncthreads();
  if (end - begin > kShortList) shared.long_lists.atomic_add(0, 1);
  __syncthreads();
  if (shared.long_lists[0] > 0)
    for (int t = 0; t < kThreads; ++t) {
      const std::int32_t first = shared.begin[t], last = shared.end[t];
      if (last - first > kShortList) sort_long(list, first, last);
    }
  if (k >= size) return;
  if (end - begin <= kShortList) sort_short(list, begin, end);
  float sum = 0;
  for (std::int32_t i = begin; i < end; ++i) {
    const std::int32_t input = list[i];
    sum += widen(x[input]);
  }
  y[k] = narrow<T>(sum);
}

}  // namespace

void scatter(Stream stream, const ConstView& x, const ConstView& indices, const View& y) {
  const std::int64_t count = x.size(), size = y.size();
  check(x.dtype == y.dtype, "scatter: ", x.dtype, " and ", y.dtype, " differ");
  check(indices.size() == count, "scatter: indices ", indices.shape, " do not fit ", x.shape);
  check(count <= kGreatestCount, "scatter: ", x.shape, " has more than 2^30 elements");
  if (size == 0) return;
  const DeviceBuffer next_buffer(stream, static_cast<std::size_t>(size) * sizeof(std::int32_t)),
      list_buffer(stream, static_cast<std::size_t>(count) * sizeof(std::int32_t));
  const Global<std::int32_t> next(next_buffer.as<std::int32_t>(), size), list(list_buffer.as<std::int32_t>(), count);
  const auto index = global<std::int32_t>(indices);
  const unsigned inputs = blocks_for(count, kThreads), outputs = blocks_for(size, kThreads);
  launch(stream, {outputs, kThreads}, clear_kernel, next, size);
  launch(stream, {inputs, kThreads}, count_kernel, index, count, next, size);
  exclusive_scan(stream, next_buffer.as<std::int32_t>(), size);
  launch(stream, {inputs, kThreads}, place_kernel, index, count, next, size, list);
  dispatch_float(y.dtype, "scatter", [&]<class T>(T) {
    launch(stream, {outputs, kThreads, sizeof(ListShared)}, sum_lists_kernel<T>, global<T>(x), list,
           Global<const std::int32_t>(next_buffer.as<std::int32_t>(), size), size, global<T>(y));
  });
}

}  // namespace basin::cuda
