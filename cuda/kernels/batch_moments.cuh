// Count, mean and sum of squared deviations from it of sets of values, which are merged.
#pragma once
#include "cuda/kernels/channel_block.cuh"

namespace basin::cuda {

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

// Of each of N channels; rows are added one by one (Welford 1962).
template <int N>
struct StripMoments {
  template <class T>
  __device__ void add(const Packed<T, N>& row, const float (&origin)[N]) {
    // 1 / (count + 1) to two units in the last place, without the registers that a division takes.
    const float root = rsqrtf(count + 1), share = root * root, weight = count * share;
    for (int k = 0; k < N; ++k) {
      const float delta = row[k] - origin[k] - mean[k];
      mean[k] += delta * share;
      deviation[k] += delta * delta * weight;
    }
    count += 1;
  }

  float count = 0, mean[N] = {}, deviation[N] = {};
};

// The moments of a channel's rows in part `part`, from arrays (parts, C) as moments_kernel writes them.
__device__ inline Moments moments_of_part(const Global<const float>& means, const Global<const float>& deviations,
                                          const ChannelLayout& layout, int part, std::int64_t channel) {
  const std::int64_t i = part * layout.channels + channel;
  return {static_cast<float>(layout.rows_of_part(part)), means[i], deviations[i]};
}

}  // namespace basin::cuda
