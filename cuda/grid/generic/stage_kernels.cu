#include "cuda/grid/generic/stage_kernels.h"

#include "cuda/grid/generic/point_matrices.cuh"
#include "cuda/grid/image_loss.cuh"
#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256;

// y[i, c] = x[i, c] for c < C, else 0
//
// x (pixels, C) f32, y (pixels, D) of T.
// Map:   a thread owns an element of y.
// Cost:  4 C bytes read and sizeof(T) D written a pixel.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads)
    pad_channels_kernel(Global<const float> x, int channels, int padded, std::int64_t count, Global<T> y) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= count) return;
  const std::int64_t pixel = i / padded;
  const int c = static_cast<int>(i % padded);
  y[i] = narrow<T>(c < channels ? static_cast<float>(x[pixel * channels + c]) : 0);
}

template <class T>
struct ElementOperands {
  Global<const T> x, residual;
  Global<const float> scale, shift;
  Global<T> y;
  Global<std::int32_t> overflowed;
  std::int64_t stride, count;  // of vectors
  int image_size, channels, images;
  bool relu;
};

// y[i] = relu?(x[i] * scale[c] + shift[c] + residual[i])
//
// As PointElements says; count = points * images * pixels * channels / width, of which `width` divides the channels.
// Map:   a thread owns `width` neighbouring channels of a pixel.
// Cost:  sizeof(T) read an element, as much of a residual, and written; scales and shifts from a cache.
// Order: no reduction.
template <class T, int width>
__global__ void __launch_bounds__(kThreads) transform_points_kernel(ElementOperands<T> in) {
  const std::int64_t vector = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (vector >= in.count) return;
  const std::int64_t first = vector * width, image = first / in.image_size, point = image / in.images;
  const int channel = static_cast<int>(first % in.channels);
  const auto x = in.x.template load_vector<width>(first);
  Vector<T, width> others{}, y;
  if (in.residual) others = in.residual.template load_vector<width>(first);
  bool held = true;
  for (int k = 0; k < width; ++k) {
    float value = widen(x[k]);
    if (in.scale) {
      const std::int64_t at = point * in.stride + channel + k;
      value = std::fma(value, static_cast<float>(in.scale[at]), static_cast<float>(in.shift[at]));
    }
    value += widen(others[k]);
    y[k] = narrow<T>(in.relu && value < 0 ? 0 : value);
    held = held && holds(y[k]);
  }
  in.y.template store_vector<width>(first, y);
  if (!held) in.overflowed.atomic_add(image, 1);
}

// mean_sums[c] += mean[c], variance_sums[c] += variance[c] * correction
//
// All (C); sums f64.
// Map:   a thread owns a channel.
// Cost:  24 bytes read and 16 written a channel.
// Order: that of the launches.
__global__ void __launch_bounds__(kThreads)
    add_statistics_kernel(Global<const float> mean, Global<const float> variance, double correction, int channels,
                          Global<double> mean_sums, Global<double> variance_sums) {
  const int c = blockIdx.x * kThreads + threadIdx.x;
  if (c >= channels) return;
  mean_sums[c] = mean_sums[c] + static_cast<double>(mean[c]);
  variance_sums[c] = std::fma(static_cast<double>(variance[c]), correction, static_cast<double>(variance_sums[c]));
}

struct LossOperands {
  Global<const float> logits;
  Global<const std::int32_t> labels;
  Global<std::int32_t> overflowed;
  Global<float> loss;
  Global<std::uint8_t> outcome;
  std::int64_t first_point, first_image, set_images;
  int points, images, classes;
  bool squared_error;
};

// loss[k, i] and outcome[k, i] of image i at point k from its logits
//
// As PointLogits says.
// Map:   a warp owns an image at a point.
// Cost:  4 classes bytes read a few times (from a cache but once), 5 written, an image.
// Order: a lane's classes ascending, the lanes in a tree.
__global__ void __launch_bounds__(kThreads, 2) point_losses_kernel(LossOperands in) {
  const int item = blockIdx.x * (kThreads / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (item >= in.points * in.images) return;
  const int image = item % in.images;
  const std::int64_t first = std::int64_t{item} * in.classes;
  const auto logits = [&](int c) { return static_cast<float>(in.logits[first + c]); };
  const LossOfImage found = image_loss(logits, in.classes, in.labels[image], in.squared_error, lane);
  if (lane != 0) return;
  const bool overflowed = in.overflowed[item] != 0;
  in.overflowed[item] = 0;
  const std::int64_t at = (in.first_point + item / in.images) * in.set_images + in.first_image + image;
  in.loss[at] = found.loss;
  in.outcome[at] = static_cast<std::uint8_t>(found.outcome | (overflowed ? Outcome::kOverflowed : 0));
}

}  // namespace

void pad_channels(Stream stream, const ConstView& x, const View& y) {
  const std::int64_t pixels = x.size() / x.shape.back();
  check(y.size() == pixels * y.shape.back() && y.shape.back() >= x.shape.back(), "pad_channels: ", x.shape,
        " does not fit ", y.shape);
  dispatch_float(y.dtype, "pad_channels", [&]<class T>(T) {
    launch(stream, {blocks_for(y.size(), kThreads), kThreads}, pad_channels_kernel<T>, global<float>(x),
           static_cast<int>(x.shape.back()), static_cast<int>(y.shape.back()), y.size(), global<T>(y));
  });
}

void transform_points(Stream stream, const PointElements& e, DType type) {
  const std::int64_t size = e.points * e.images * e.pixels * e.channels;
  check(e.pixels * e.channels <= 0x7fffffff, "transform_points: an image of ", e.pixels, " pixels and ", e.channels,
        " channels is too large");
  dispatch_float(type, "transform_points", [&]<class T>(T) {
    const auto values = [&](const void* data) { return Global<const T>(static_cast<const T*>(data), size); };
    const auto of_channels = [&](const float* data) {
      return data ? Global<const float>(data, (e.points - 1) * e.stride + e.channels) : Global<const float>();
    };
    constexpr std::int64_t kWidth = 16 / sizeof(T);
    const bool vectors = e.channels % kWidth == 0 && aligned_to_vectors(e.x) && aligned_to_vectors(e.y) &&
                         aligned_to_vectors(e.residual);
    const ElementOperands<T> in{.x = values(e.x),
                                .residual = e.residual ? values(e.residual) : Global<const T>(),
                                .scale = of_channels(e.scale),
                                .shift = of_channels(e.shift),
                                .y = {static_cast<T*>(e.y), size},
                                .overflowed = {e.overflowed, e.points * e.images},
                                .stride = e.stride,
                                .count = vectors ? size / kWidth : size,
                                .image_size = static_cast<int>(e.pixels * e.channels),
                                .channels = static_cast<int>(e.channels),
                                .images = static_cast<int>(e.images),
                                .relu = e.relu};
    launch(stream, {blocks_for(in.count, kThreads), kThreads},
           vectors ? transform_points_kernel<T, kWidth> : transform_points_kernel<T, 1>, in);
  });
}

void add_statistics(Stream stream, const ConstView& mean, const ConstView& variance, double correction,
                    const View& mean_sums, const View& variance_sums) {
  const std::int64_t channels = mean.size();
  check(variance.size() == channels && mean_sums.size() == channels && variance_sums.size() == channels,
        "add_statistics: ", channels, " means, ", variance.size(), " variances");
  launch(stream, {blocks_for(channels, kThreads), kThreads}, add_statistics_kernel, global<float>(mean),
         global<float>(variance), correction, static_cast<int>(channels), global<double>(mean_sums),
         global<double>(variance_sums));
}

void point_losses(Stream stream, const PointLogits& in) {
  const Shape& shape = in.logits.shape;
  check(shape.size() == 3 && in.loss.shape == in.outcome.shape && in.loss.shape.size() == 2 &&
            in.first_point + shape[0] <= in.loss.shape[0] && in.first_image + shape[1] <= in.loss.shape[1],
        "point_losses: logits ", shape, " at point ", in.first_point, " and image ", in.first_image, " do not fit ",
        in.loss.shape);
  const LossOperands operands{.logits = global<float>(in.logits),
                              .labels = {in.labels, shape[1]},
                              .overflowed = {in.overflowed, shape[0] * shape[1]},
                              .loss = global<float>(in.loss),
                              .outcome = global<std::uint8_t>(in.outcome),
                              .first_point = in.first_point,
                              .first_image = in.first_image,
                              .set_images = in.loss.shape[1],
                              .points = static_cast<int>(shape[0]),
                              .images = static_cast<int>(shape[1]),
                              .classes = static_cast<int>(shape[2]),
                              .squared_error = in.objective == Objective::squared_error};
  launch(stream, {blocks_for(shape[0] * shape[1], kThreads / 32), kThreads}, point_losses_kernel, operands);
}

}  // namespace basin::cuda
