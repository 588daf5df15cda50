// Mean and variance of each channel, by merging (count, mean, sum of squared deviations) of disjoint sets of rows.
#include "cuda/kernels/batch_norm.h"
#include "cuda/kernels/column_block.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kChunk = 8;
constexpr std::int64_t kRowsPerThread = 64, kPartsPerThread = 1 << 20;

struct Moments {
  float count = 0, mean = 0, deviation = 0;
};

// (Chan, Golub, LeVeque 1979, eq. 2.1.)
struct Merge {
  __device__ Moments operator()(const Moments& a, const Moments& b) const {
    if (b.count == 0) return a;
    const float count = a.count + b.count, share = b.count / count, delta = b.mean - a.mean;
    return {count, a.mean + delta * share, a.deviation + b.deviation + delta * delta * a.count * share};
  }
};

struct MomentsShared {
  SharedArray<Moments, kColumnThreads> values;
};

// Moments of x - origin over rows begin, begin + lanes, ... of the thread's column, kChunk at most: the mean first,
// then the distances from it, of values held in registers.
__device__ Moments chunk_moments(const Global<const float>& x, float origin, const ColumnLayout& layout,
                                 const ColumnShare& share, std::int64_t begin) {
  float values[kChunk], sum = 0, deviation = 0;
  int count = 0;
  for (int k = 0; k < kChunk; ++k) {
    const std::int64_t row = begin + k * layout.lanes;
    if (row >= share.end) continue;
    values[k] = x[share.index(layout, row)] - origin;
    sum += values[k];
    ++count;
  }
  const float mean = sum / static_cast<float>(count);
  for (int k = 0; k < kChunk; ++k) {
    if (k >= count) continue;
    const float distance = values[k] - mean;
    deviation += distance * distance;
  }
  return {static_cast<float>(count), mean, deviation};
}

// means[p, c], deviations[p, c] = mean and sum of squared deviations from it, of x[r, c] - x[0, c] over the rows r of
// part p
//
// x (rows, C), means and deviations (parts, C), f32, row-major; any extents.
// Map:   ColumnLayout; a thread takes up to kRowsPerThread rows of a channel in chunks, a block's lanes are merged by a
//        tree.
// Cost:  reads 4 bytes an element, writes 8 a part and channel; about 6 flops an element.
// Order: fixed by the extents. Squares are taken of distances from a mean of the same values, so they do not cancel;
//        means are kept relative to the first row, so that those of values far from zero keep their digits. (Of N
//        values none is further than sqrt(N) standard deviations from the mean: an outlier there does no harm.)
__global__ void __launch_bounds__(kColumnThreads)
    moments_kernel(Global<const float> x, ColumnLayout layout, Global<float> means, Global<float> deviations) {
  MomentsShared& shared = shared_memory<MomentsShared>();
  const ColumnShare share(layout);
  Moments moments;
  if (share.begin < share.end) {
    const float origin = x[share.column];
    for (std::int64_t row = share.begin; row < share.end; row += kChunk * layout.lanes)
      moments = Merge{}(moments, chunk_moments(x, origin, layout, share, row));
  }
  moments = reduce_lanes(shared.values, moments, Merge{});
  if (!share.writes_result()) return;
  means[share.result_index(layout)] = moments.mean;
  deviations[share.result_index(layout)] = moments.deviation;
}

// mean[c], variance[c] from the moments of `rows` rows of x in parts of `rows_per_part`, the last with what is left
//
// means, deviations (parts, C) as moments_kernel writes them, x (rows, C), mean, variance (C), f32.
// Map:   ColumnLayout of (parts, C); a thread merges every lanes-th part, a block's lanes are merged by a tree.
// Cost:  reads 8 bytes a part and channel, writes 8 a channel.
// Order: fixed by the extents.
__global__ void __launch_bounds__(kColumnThreads)
    merge_moments_kernel(Global<const float> means, Global<const float> deviations, Global<const float> x,
                         ColumnLayout layout, std::int64_t rows, std::int64_t rows_per_part, Global<float> mean,
                         Global<float> variance) {
  MomentsShared& shared = shared_memory<MomentsShared>();
  const ColumnShare share(layout);
  Moments moments;
  for (std::int64_t part = share.begin; part < share.end; part += layout.lanes) {
    const std::int64_t left = rows - part * rows_per_part, count = left < rows_per_part ? left : rows_per_part,
                       i = share.index(layout, part);
    moments = Merge{}(moments, {static_cast<float>(count), means[i], deviations[i]});
  }
  moments = reduce_lanes(shared.values, moments, Merge{});
  if (!share.writes_result()) return;
  mean[share.column] = x[share.column] + moments.mean;
  variance[share.column] = moments.deviation / static_cast<float>(rows);
}

}  // namespace

void batch_statistics(Stream stream, const ConstView& x, const View& mean, const View& variance) {
  const std::int64_t channels = x.shape.back(), rows = channels ? x.size() / channels : 0;
  check(rows > 0, "batch_statistics: no rows in ", x.shape);
  check(mean.size() == channels && variance.size() == channels, "batch_statistics: mean ", mean.shape, " and variance ",
        variance.shape, " of ", channels, " channels");
  const ColumnLayout layout(1, rows, channels, kRowsPerThread), merge(1, layout.parts, channels, kPartsPerThread);
  check(merge.parts == 1, "batch_statistics: ", rows, " rows are too many");
  const std::int64_t count = layout.parts * channels;
  const DeviceBuffer means(stream, static_cast<std::size_t>(count) * sizeof(float)),
      deviations(stream, static_cast<std::size_t>(count) * sizeof(float));
  launch(stream, {blocks_for(layout.blocks(), 1), layout.block(), sizeof(MomentsShared)}, moments_kernel,
         global<float>(x), layout, Global<float>(means.as<float>(), count),
         Global<float>(deviations.as<float>(), count));
  launch(stream, {blocks_for(merge.blocks(), 1), merge.block(), sizeof(MomentsShared)}, merge_moments_kernel,
         Global<const float>(means.as<float>(), count), Global<const float>(deviations.as<float>(), count),
         global<float>(x), merge, rows, layout.rows_per_part, global<float>(mean), global<float>(variance));
}

}  // namespace basin::cuda
