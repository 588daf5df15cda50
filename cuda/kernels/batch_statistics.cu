#include "cuda/kernels/batch_statistics.h"

#include "cuda/kernels/batch_moments.cuh"

namespace basin::cuda {
namespace {

constexpr int kRows = ChannelLayout::kLeastRows;  // that a thread reads at once

template <int N>
struct MomentsShared {
  LaneShared<N, Moments> lanes;
  ChannelTable<N> origin;
};

// means[p, c], deviations[p, c] = mean and sum of squared deviations from it, of x[r, c] - x[0, c] over the rows r of
// part p
//
// x (rows, C), f32, f16 or bf16, means and deviations (parts, C), f32, row-major; any extents.
// Map:   ChannelLayout; a thread reads rows of a strip, kRows at a time, then a block's lanes are merged.
// Cost:  reads x once, and a row of it for each part; writes 8 bytes a part and channel; about 7 flops an element.
// Order: fixed by the extents. Squares are taken of distances from means (Welford 1962), so they do not cancel; means
//        are kept relative to the part's first row, so that those of values far from zero keep their digits. (Of N
//        values none is further than sqrt(N) standard deviations from the mean: an outlier there does no harm.)
template <class S>
__global__ void __launch_bounds__(kChannelThreads, S::kBlocks)
    moments_kernel(Global<const typename S::Type> x, ChannelLayout layout, Global<float> means,
                   Global<float> deviations) {
  constexpr int N = S::kWidth;
  MomentsShared<N>& shared = shared_memory<MomentsShared<N>>();
  const ChannelShare<N> share(layout);
  Rows<S, kRows> rows;
  rows.load(x, layout, share.begin, share.rows);
  if (share.lane == 0 && share.rows > 0)
    for (int k = 0; k < N; ++k) shared.origin.set(share, share.column * N + k, rows.values[0][k]);
  __syncthreads();
  StripMoments<N> moments;
  if (share.rows > 0) {
    float origin[N];
    shared.origin.strip(share, origin);
    std::int64_t i = share.begin;
    for (int left = share.rows; left > 0; left -= kRows) {
      for (int j = 0; j < kRows; ++j)
        if (j < left) moments.add(rows.values[j], origin);
      i += kRows * layout.stride;
      rows.load(x, layout, i, left - kRows);
    }
  }
  const auto make = [&](int lane, float mean, float deviation) {
    return Moments{static_cast<float>(share.rows_of_lane(lane)), mean, deviation};
  };
  const Moments part = combine_lanes(shared.lanes, share, moments.mean, moments.deviation, make, Merge{});
  if (!share.owns_channel()) return;
  const std::int64_t i = share.result_index();
  const float base = widen(x[share.channel()]);
  means[i] = part.mean + (shared.origin.channel(share, share.own()) - base);
  deviations[i] = part.deviation;
}

}  // namespace

PartSums moments_of_parts(Stream stream, const ConstView& x, const ChannelOperands& operands) {
  const ChannelLayout& layout = operands.layout();
  PartSums parts(stream, layout);
  dispatch_strip(x.dtype, "batch_norm_training", layout.channels, operands.aligned(), [&]<class S>(S) {
    launch(stream, {operands.blocks(), layout.block(), sizeof(MomentsShared<S::kWidth>)}, moments_kernel<S>,
           global<typename S::Type>(x), layout, parts.first(), parts.second());
  });
  return parts;
}

}  // namespace basin::cuda
