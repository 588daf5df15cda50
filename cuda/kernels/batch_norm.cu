#include "cuda/kernels/batch_norm.h"

#include "cuda/kernels/batch_moments.cuh"
#include "cuda/kernels/batch_statistics.h"

namespace basin::cuda {
namespace {

constexpr int kRows = 2;  // that a thread reads at once

// The arrays that are mapped, each (rows, C); residual may be null.
template <class T>
struct Mapped {
  Global<const T> x, residual;
  Global<T> y;
  bool relu;
};

// y = relu?((x - mean[c]) * scale[c] + shift[c] + residual?) for the rows of a thread. The first rows are read when it
// is made, so that finding the channels' values takes no extra time.
template <class S>
class ChannelMap {
 public:
  static constexpr int N = S::kWidth;
  using T = typename S::Type;

  __device__ ChannelMap(const Mapped<T>& arrays, const ChannelLayout& layout, const ChannelShare<N>& share)
      : arrays_(arrays), layout_(layout), at_(share.begin), left_(share.rows) {
    load();
  }
  __device__ void run(const float (&mean)[N], const float (&scale)[N], const float (&shift)[N]) {
    while (left_ > 0) {
      for (int j = 0; j < kRows; ++j)
        if (j < left_) store(j, mean, scale, shift);
      at_ += kRows * layout_.stride;
      left_ -= kRows;
      load();
    }
  }

 private:
  __device__ void load() {
    x_.load(arrays_.x, layout_, at_, left_);
    if (arrays_.residual) residual_.load(arrays_.residual, layout_, at_, left_);
  }
  __device__ void store(int j, const float (&mean)[N], const float (&scale)[N], const float (&shift)[N]) {
    Vector<T, N> y;
    for (int k = 0; k < N; ++k) {
      float value = (x_.values[j][k] - mean[k]) * scale[k] + shift[k];
      if (arrays_.residual) value += residual_.values[j][k];
      y[k] = narrow<T>(arrays_.relu && value < 0 ? 0.0f : value);
    }
    S::store(arrays_.y, at_ + j * layout_.stride, y);
  }

  const Mapped<T>& arrays_;
  const ChannelLayout& layout_;
  std::int64_t at_;
  int left_;
  Rows<S, kRows> x_, residual_;
};

template <int N>
struct AffineShared {
  ChannelTable<N> scale, shift;
};

// y = relu?(x * scale[c] + shift[c] + residual?)
//
// x, residual, y (rows, C), f32, f16 or bf16, scale and shift (C), f32, row-major; any extents.
// Map:   ChannelLayout; a thread owns the rows of a strip that its share says, kRows at a time.
// Cost:  channel_affine_cost; 3 flops an element.
// Order: no reduction.
template <class S>
__global__ void __launch_bounds__(kChannelThreads, S::kBlocks)
    channel_affine_kernel(Mapped<typename S::Type> arrays, Global<const float> scales, Global<const float> shifts,
                          ChannelLayout layout) {
  constexpr int N = S::kWidth;
  AffineShared<N>& shared = shared_memory<AffineShared<N>>();
  const ChannelShare<N> share(layout);
  ChannelMap<S> map(arrays, layout, share);
  if (share.owns_channel()) {
    shared.scale.set(share, share.own(), scales[share.channel()]);
    shared.shift.set(share, share.own(), shifts[share.channel()]);
  }
  __syncthreads();
  if (share.rows == 0) return;
  float scale[N], shift[N];
  const float mean[N] = {};
  shared.scale.strip(share, scale);
  shared.shift.strip(share, shift);
  map.run(mean, scale, shift);
}

template <int N>
struct NormShared {
  SharedArray<Moments, kChannelThreads> moments;
  ChannelTable<N> mean, scale, shift;
};

// y = relu?((x - mean[c]) * scale[c] + beta[c] + residual?), scale[c] = gamma[c] / sqrt(variance[c] + epsilon), with
// mean and biased variance of all rows, from the moments of parts of them
//
// x, residual, y (rows, C), f32, f16 or bf16; means and deviations (parts, C) as moments_kernel writes them, gamma,
// beta, mean and variance (C), f32; row-major; any extents.
// Map:   ChannelLayout; each block merges the parts for its channels, those of part 0 write mean and variance; then a
//        thread owns the rows of a strip that its share says, kRows at a time.
// Cost:  reads x and residual and writes y once; reads 8 * parts + 8 bytes and a row of x for each part and channel.
// Order: fixed by the extents, the same in every block.
template <class S>
__global__ void __launch_bounds__(kChannelThreads, S::kBlocks)
    batch_norm_kernel(Mapped<typename S::Type> arrays, Global<const float> means, Global<const float> deviations,
                      Global<const float> gamma, Global<const float> beta, float epsilon, ChannelLayout layout,
                      Global<float> mean_out, Global<float> variance_out) {
  constexpr int N = S::kWidth;
  NormShared<N>& shared = shared_memory<NormShared<N>>();
  const ChannelShare<N> share(layout);
  ChannelMap<S> map(arrays, layout, share);
  const auto make = [&](int part) { return moments_of_part(means, deviations, layout, part, share.channel()); };
  const Moments batch = combine_parts(shared.moments, share, make, Merge{});
  if (share.owns_channel()) {
    const float channel_mean = widen(arrays.x[share.channel()]) + batch.mean, variance = batch.deviation / batch.count;
    shared.mean.set(share, share.own(), channel_mean);
    shared.scale.set(share, share.own(), gamma[share.channel()] / sqrtf(variance + epsilon));
    shared.shift.set(share, share.own(), beta[share.channel()]);
    if (share.part() == 0) {
      mean_out[share.channel()] = channel_mean;
      variance_out[share.channel()] = variance;
    }
  }
  __syncthreads();
  if (share.rows == 0) return;
  float mean[N], scale[N], shift[N];
  shared.mean.strip(share, mean);
  shared.scale.strip(share, scale);
  shared.shift.strip(share, shift);
  map.run(mean, scale, shift);
}

}  // namespace

Cost channel_affine_cost(DType type, std::int64_t rows, std::int64_t channels, bool residual) {
  const ChannelLayout layout(rows, channels, strip_width(type, channels));
  const std::int64_t bytes = rows * channels * static_cast<std::int64_t>(size_of(type));
  return {bytes * (residual ? 2 : 1) + 8 * layout.parts * channels, bytes, 3 * rows * channels};
}

Cost batch_norm_training_cost(DType type, std::int64_t rows, std::int64_t channels, bool residual) {
  const ChannelLayout layout(rows, channels, strip_width(type, channels));
  const auto element = static_cast<std::int64_t>(size_of(type)), bytes = rows * channels * element,
             sums = layout.parts * channels;
  const Cost moments{bytes + sums * element, 8 * sums, 7 * rows * channels},
      map{bytes * (residual ? 2 : 1) + sums * (8 * layout.parts + 8 + element), bytes + 8 * channels,
          4 * rows * channels};
  return moments + map;
}

void channel_affine(Stream stream, const ConstView& x, const ConstView& scale, const ConstView& shift,
                    const ConstView* residual, bool relu, const View& y) {
  constexpr const char* kName = "channel_affine";
  ChannelOperands operands(kName, x);
  operands.check_like_x(y);
  if (residual) operands.check_like_x(*residual);
  for (const ConstView& values : {scale, shift}) operands.check_per_channel(values);
  const ChannelLayout& layout = operands.layout();
  dispatch_strip(x.dtype, kName, layout.channels, operands.aligned(), [&]<class S>(S) {
    using T = typename S::Type;
    const Mapped<T> arrays{global<T>(x), global<T>(residual), global<T>(y), relu};
    launch(stream, {operands.blocks(), layout.block(), sizeof(AffineShared<S::kWidth>)}, channel_affine_kernel<S>,
           arrays, global<float>(scale), global<float>(shift), layout);
  });
}

void batch_norm_training(Stream stream, const ConstView& x, const ConstView& gamma, const ConstView& beta,
                         const ConstView* residual, const BatchNorm& options, const View& y, const View& mean,
                         const View& variance) {
  constexpr const char* kName = "batch_norm_training";
  ChannelOperands operands(kName, x);
  operands.check_like_x(y);
  if (residual) operands.check_like_x(*residual);
  for (const ConstView& values : {gamma, beta, ConstView(mean), ConstView(variance)})
    operands.check_per_channel(values);
  const ChannelLayout& layout = operands.layout();
  const PartSums moments = moments_of_parts(stream, x, operands);
  dispatch_strip(x.dtype, kName, layout.channels, operands.aligned(), [&]<class S>(S) {
    using T = typename S::Type;
    const Mapped<T> arrays{global<T>(x), global<T>(residual), global<T>(y), options.relu};
    launch(stream, {operands.blocks(), layout.block(), sizeof(NormShared<S::kWidth>)}, batch_norm_kernel<S>, arrays,
           moments.first<const float>(), moments.second<const float>(), global<float>(gamma), global<float>(beta),
           static_cast<float>(options.epsilon), layout, global<float>(mean), global<float>(variance));
  });
}

}  // namespace basin::cuda
