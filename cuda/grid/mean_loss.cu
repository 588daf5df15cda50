#include "cuda/grid/mean_loss.h"

#include <cmath>

#include "cuda/grid/outcome.h"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/warp_reduce.cuh"

namespace basin::cuda {
namespace {

constexpr int kMeanThreads = 256, kMeanWarps = kMeanThreads / 32;

struct MeanShared {
  SharedArray<double, kMeanWarps> sums;
  SharedArray<std::int32_t, kMeanWarps> counts;
};

// The sum of a value of every thread of the block, for every thread.
template <class T, int N>
__device__ T block_sum(SharedArray<T, N>& parts, T value) {
  value = warp_reduce(value, [](T a, T b) { return a + b; });
  __syncthreads();  // the parts of the sum before have been read
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  T sum = 0;
  for (int w = 0; w < N; ++w) sum += static_cast<T>(parts[w]);
  return sum;
}

// results[k].mean = sum over i of loss[k, i] / N, and the other members of PointLosses
//
// loss, outcome (K, N); weights, results (K); N >= 1.
// Map:   a block owns a point, a thread every kMeanThreads-th image of it.
// Cost:  reads 9 N bytes and writes sizeof(PointLosses) a point; 3 N additions in double.
// Order: a thread's images ascending, the lanes of a warp in a tree, the warps ascending; twice: mean, then deviations.
__global__ void __launch_bounds__(kMeanThreads)
    mean_losses_kernel(Global<const float> loss, Global<const std::uint8_t> outcome, Global<const std::int32_t> weights,
                       std::int64_t images, Global<PointLosses> results) {
  auto& shared = shared_memory<MeanShared>();
  const std::int64_t k = blockIdx.x, first = k * images;
  double sum = 0;
  std::int32_t correct = 0, not_finite = 0, overflowed = 0;
  for (std::int64_t i = threadIdx.x; i < images; i += kMeanThreads) {
    sum += static_cast<double>(loss[first + i]);
    const std::uint8_t bits = outcome[first + i];
    correct += (bits & Outcome::kCorrect) != 0;
    not_finite += (bits & Outcome::kNotFinite) != 0;
    overflowed += (bits & Outcome::kOverflowed) != 0;
  }
  PointLosses result;
  result.mean = block_sum(shared.sums, sum) / static_cast<double>(images);
  double squares = 0;
  for (std::int64_t i = threadIdx.x; i < images; i += kMeanThreads) {
    const double deviation = static_cast<double>(loss[first + i]) - result.mean;
    squares = std::fma(deviation, deviation, squares);
  }
  result.squared_deviations = block_sum(shared.sums, squares);
  result.correct = block_sum(shared.counts, correct);
  result.not_finite = block_sum(shared.counts, not_finite);
  result.overflowed = block_sum(shared.counts, overflowed);
  result.bad_weights = weights[k];
  if (threadIdx.x == 0) results[k] = result;
}

}  // namespace

void mean_losses(Stream stream, const ConstView& loss, const ConstView& outcome, const ConstView& not_finite_weights,
                 PointLosses* results) {
  const std::int64_t points = not_finite_weights.size();
  const std::int64_t images = points > 0 ? loss.size() / points : 1;
  check(images >= 1 && loss.shape == Shape({points, images}) && outcome.shape == loss.shape, "mean_losses: losses ",
        loss.shape, " and outcomes ", outcome.shape, " of ", points, " points");
  launch(stream, {blocks_for(points, 1), kMeanThreads, sizeof(MeanShared)}, mean_losses_kernel, global<float>(loss),
         global<std::uint8_t>(outcome), global<std::int32_t>(not_finite_weights), images,
         Global<PointLosses>(results, points));
}

Cost mean_losses_cost(std::int64_t points, std::int64_t images) {
  return {points * (9 * images + 4 * kMeanThreads), points * static_cast<std::int64_t>(sizeof(PointLosses)),
          points * 3 * images};
}

}  // namespace basin::cuda
