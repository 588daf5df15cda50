#include "cuda/grid/perturb.h"

#include <cmath>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kAffineThreads = 256, kWeightThreads = 128;
constexpr int kPointsPerThread = 8;  // a value is read once for so many points

// The tensor's value at the point. One rounding a product and sum, written as such: the CPU's compiler contracts
// landscape/plane.cpp in the same way, and no compiler can contract this in another.
__device__ float displaced(const PlaneValue& value, const PlanePoint& point) {
  double sum = value.center;
  if ((value.rule & PlaneValue::kAlongX) && point.alpha != 0)
    sum = std::fma(point.alpha, static_cast<double>(value.x), sum);
  if ((value.rule & PlaneValue::kAlongY) && point.beta != 0)
    sum = std::fma(point.beta, static_cast<double>(value.y), sum);
  return static_cast<float>(sum);
}

struct ChannelAffine {
  double scale = 1, shift = 0;
};

__device__ ChannelAffine channel_affine(Global<const PlaneValue> affine, std::int64_t channel, const ChannelRule& rule,
                                        const PlanePoint& point, Global<const double> sums, std::int64_t channels,
                                        double batches) {
  double values[5];  // bias, gamma, beta, mean, variance
  for (int i = 0; i < 5; ++i) {
    const PlaneValue value = affine[5 * channel + i];
    values[i] = displaced(value, point);
  }
  if (!(rule.flags & ChannelRule::kBatchNorm)) return {1, values[0]};
  if (sums) {
    values[3] = static_cast<float>(sums[channel] / batches);
    values[4] = static_cast<float>(sums[channels + channel] / batches);
  }
  const double scale = 1 / std::sqrt(values[4] + rule.epsilon) * values[1];
  return {scale, std::fma(values[0] - values[3], scale, values[2])};
}

// scales[k, c] = gamma / sqrt(variance + epsilon), blobs[k, first + c] = beta + (bias - mean) * scales[k, c] as f32;
// zeros from there to the blob's end
//
// affine (C, 5), rules (C), points (K), scales (K, C), blobs (K, words), not_finite (K); powers of two as perturb.h
// says. Map:   a block owns a point, its threads stride over the channels. Cost:  96 C bytes read and 12 C written a
// point; a square root and a division in double a channel. Order: no reduction but the count.
__global__ void __launch_bounds__(kAffineThreads)
    channel_affine_kernel(Global<const PlaneValue> affine, Global<const ChannelRule> rules,
                          Global<const PlanePoint> points, std::int64_t channels, std::int64_t words,
                          std::int64_t first, Global<const double> statistics, double batches, Global<double> scales,
                          Global<float> blobs, Global<std::int32_t> not_finite) {
  const std::int64_t k = blockIdx.x;
  const PlanePoint point = points[k];
  if (threadIdx.x == 0) not_finite[k] = 0;
  __syncthreads();
  bool finite = true;
  for (std::int64_t c = first + channels + threadIdx.x; c < words; c += kAffineThreads) blobs[k * words + c] = 0;
  for (std::int64_t c = threadIdx.x; c < channels; c += kAffineThreads) {
    const ChannelRule rule = rules[c];
    const Global<const double> sums =
        statistics ? statistics.slice(2 * k * channels, 2 * channels) : Global<const double>();
    const ChannelAffine folded = channel_affine(affine, c, rule, point, sums, channels, batches);
    const bool classifier = (rule.flags & ChannelRule::kClassifier) != 0;
    double scale = folded.scale;
    if (rule.flags & ChannelRule::kStem) scale *= point.scale;
    if (classifier) scale *= point.inverse_scale;
    const float shift = static_cast<float>(classifier ? folded.shift : folded.shift * point.scale);
    scales[k * channels + c] = scale;
    blobs[k * words + first + c] = shift;
    finite = finite && shift - shift == 0;
  }
  if (!finite) not_finite.atomic_add(k, 1);
}

// gamma[k, c] and beta[k, c] of channel c at point k
//
// affine (C, 5), points (K), gamma and beta (K, C).
// Map:   a thread owns a channel at a point.
// Cost:  32 bytes read (cached) and 8 written.
// Order: no reduction.
__global__ void __launch_bounds__(kAffineThreads)
    plane_channels_kernel(Global<const PlaneValue> affine, Global<const PlanePoint> points, std::int64_t channels,
                          std::int64_t count, Global<float> gamma, Global<float> beta) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kAffineThreads + threadIdx.x;
  if (i >= count) return;
  const PlanePoint point = points[i / channels];
  const PlaneValue of_gamma = affine[5 * (i % channels) + 1], of_beta = affine[5 * (i % channels) + 2];
  gamma[i] = displaced(of_gamma, point);
  beta[i] = displaced(of_beta, point);
}

// Is `value` neither infinite nor NaN?
template <class T>
__device__ bool is_finite(T value) {
  const float wide = widen(value);
  return wide - wide == 0;
}

// weights[k, first + i] = the value of element i at point k times its channel's scale, rounded to f32, then to T
//
// values (count), scales (K, C), weights (K, stride) with first and count multiples of 4; not_finite (K).
// Map:   a thread owns 4 elements of kPointsPerThread points; grid: elements, points.
// Cost:  64 bytes read once for kPointsPerThread points, 32 of scales (cached) read and 4 sizeof(T) written for each.
// Order: no reduction but the count.
template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    weights_kernel(Global<const PlaneValue> values, Global<const PlanePoint> points, int count, int point_count,
                   Global<const double> scales, std::int64_t channels, std::int64_t first, std::int64_t stride,
                   Global<T> weights, Global<std::int32_t> not_finite) {
  const int i = 4 * (blockIdx.x * kWeightThreads + threadIdx.x);
  if (i >= count) return;
  PlaneValue value[4];
  for (int j = 0; j < 4; ++j) value[j] = values[i + j];
  const int begin = blockIdx.y * kPointsPerThread;
  for (int k = begin; k < begin + kPointsPerThread && k < point_count; ++k) {
    const PlanePoint point = points[k];
    Vector<T, 4> folded;
    bool finite = true;
    for (int j = 0; j < 4; ++j) {
      float product = 0;
      if (value[j].rule != PlaneValue::kPadding) {
        const double scale = scales[k * channels + (value[j].rule >> 2)];
        product = static_cast<float>(displaced(value[j], point) * scale);
      }
      folded[j] = narrow<T>(product);
      finite = finite && is_finite(folded[j]);
    }
    weights.template store_vector<4>(k * stride + first + i, folded);
    if (!finite) not_finite.atomic_add(k, 1);
  }
}

}  // namespace

void perturb(Stream stream, const PlaneWeights& plane, const PlanePoint* points, DType type, const View& scales,
             const View& blobs, const View& not_finite, const PointStatistics* statistics) {
  const BlobExtents& blob = plane.extents();
  const std::int64_t count = not_finite.size(), channels = plane.channels(), words = blob.words();
  check(scales.shape == Shape({count, channels}) && blobs.shape == Shape({count, words}), "perturb: ", count,
        " points, ", channels, " channels and ", words, " words do not fit ", scales.shape, " and ", blobs.shape);
  check(blobs.dtype == DType::i32, "perturb: blobs of ", blobs.dtype, ", expected ", DType::i32);
  const Global<const PlanePoint> at(points, count);
  const Global<double> scale = global<double>(scales);
  const Global<std::int32_t> bad = global<std::int32_t>(not_finite);
  const Global<float> floats(blobs.as<float>(), count * words);
  launch(stream, {blocks_for(count, 1), kAffineThreads}, channel_affine_kernel,
         Global<const PlaneValue>(plane.affine(), 5 * channels), Global<const ChannelRule>(plane.rules(), channels), at,
         channels, words, blob.shift_word(),
         statistics ? Global<const double>(statistics->sums, count * 2 * channels) : Global<const double>(),
         statistics ? static_cast<double>(statistics->batches) : 1, scale, floats, bad);

  const auto write = [&]<class T>(const PlaneValue* values, std::int64_t elements, std::int64_t first,
                                  Global<T> weights) {
    const dim3 grid(blocks_for(elements, 4 * kWeightThreads), blocks_for(count, kPointsPerThread));
    launch(stream, {grid, kWeightThreads}, weights_kernel<T>, Global<const PlaneValue>(values, elements), at,
           static_cast<int>(elements), static_cast<int>(count),
           Global<const double>(scales.as<double>(), scales.size()), channels, first,
           words * static_cast<std::int64_t>(4 / sizeof(T)), weights, bad);
  };
  check(static_cast<std::int64_t>(size_of(type)) == blob.weight_bytes, "perturb: ", type, " in places of ",
        blob.weight_bytes, " bytes");
  dispatch_float(type, "perturb", [&]<class T>(T) {
    write(plane.weights(), blob.weights, 0,
          Global<T>(blobs.as<T>(), count * words * static_cast<std::int64_t>(4 / sizeof(T))));
  });
  write(plane.floats(), blob.floats, blob.float_word(), floats);
}

void plane_channels(Stream stream, const PlaneWeights& plane, const PlanePoint* points, const View& gamma,
                    const View& beta) {
  const std::int64_t channels = plane.channels(), count = gamma.size() / channels;
  check(gamma.shape == Shape({count, channels}) && beta.shape == gamma.shape, "plane_channels: ", channels,
        " channels do not fit ", gamma.shape, " and ", beta.shape);
  launch(stream, {blocks_for(gamma.size(), kAffineThreads), kAffineThreads}, plane_channels_kernel,
         Global<const PlaneValue>(plane.affine(), 5 * channels), Global<const PlanePoint>(points, count), channels,
         gamma.size(), global<float>(gamma), global<float>(beta));
}

}  // namespace basin::cuda
