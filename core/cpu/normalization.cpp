// Channel-wise normalisation of x (rows, C). Per-channel values are repeated into tiles of several rows, so that the
// inner loops are long and vectorised whatever C is; lanes of a tile are added into channels once per block.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/memory_pool.h"
#include "core/cpu/streaming.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

constexpr std::int64_t kTile = 128;     // elements of a tile at least, where C is less
constexpr std::int64_t kBlock = 32768;  // elements of one item
constexpr std::int64_t kRun = 8192;     // elements over which a lane adds in its own precision: fits level 1

// How x (rows, C) is cut, in elements. `tile` <= `run` <= `block`, each a multiple of the one before.
struct Layout {
  explicit Layout(const Shape& x) : channels(x.back()), size(x.count()) {
    const std::int64_t aligned = 16 / std::gcd(std::int64_t{16}, channels) * channels;
    tile = channels >= kTile ? channels : (kTile + aligned - 1) / aligned * aligned;
    run = std::max<std::int64_t>(1, kRun / tile) * tile;
    block = std::max<std::int64_t>(1, kBlock / run) * run;
  }
  std::int64_t rows() const { return size / channels; }
  std::int64_t blocks() const { return (size + block - 1) / block; }

  std::int64_t channels, size, tile, run, block;
};

// f(begin, length) for each tile of [begin, end).
template <class F>
void for_each_tile(std::int64_t begin, std::int64_t end, std::int64_t tile, const F& f) {
  std::int64_t i = begin;
  for (; i + tile <= end; i += tile) f(i, tile);
  if (i < end) f(i, end - i);
}

// f(begin, end) for each block, the last first: after a pass in ascending order its end is what the caches still hold.
template <class F>
void for_each_block_backwards(const Layout& layout, const F& f) {
  parallel_for(layout.blocks(), [&](std::int64_t i) {
    const std::int64_t begin = (layout.blocks() - 1 - i) * layout.block;
    f(begin, std::min(layout.size, begin + layout.block));
  });
}

// Per-channel values, repeated to a tile.
template <class T>
class Tiled {
 public:
  template <class F>
  Tiled(const Layout& layout, const F& value_of) : memory_(static_cast<std::size_t>(layout.tile) * sizeof(T)) {
    T* values = memory_.as<T>();
    for (std::int64_t c = 0; c < layout.channels; ++c) values[c] = static_cast<T>(value_of(c));
    for (std::int64_t i = layout.channels; i < layout.tile; ++i) values[i] = values[i - layout.channels];
  }
  const T* data() const { return memory_.as<T>(); }

 private:
  Scratch memory_;
};

// sums[c] += the lanes of channel c; lanes are left zero.
template <class T>
void drain(T* lanes, const Layout& layout, double* sums) {
  for (std::int64_t i = 0; i < layout.tile; i += layout.channels)
    for (std::int64_t c = 0; c < layout.channels; ++c) {
      sums[c] += static_cast<double>(lanes[i + c]);
      lanes[i + c] = 0;
    }
}

// ---- statistics

// Merges (count, mean, sum of squared deviations) of two sets, channel by channel (Chan, Golub, LeVeque 1979, eq. 2.1).
struct Moments {
  explicit Moments(std::int64_t channels) : mean(channels), deviation(channels) {}

  void merge(double other_count, const double* other_mean, const double* other_deviation) {
    const double total = count + other_count;
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const double delta = other_mean[c] - mean[c];
      mean[c] += delta * other_count / total;
      deviation[c] += other_deviation[c] + delta * delta * count * other_count / total;
    }
    count = total;
  }

  double count = 0;
  std::vector<double> mean, deviation;
};

// A value near the mean of each channel over x[begin, end), repeated to a tile: the mean of every fourth tile.
template <class T>
void estimate_centre(const T* x, std::int64_t begin, std::int64_t end, const Layout& layout, T* centre) {
  std::vector<double> mean(static_cast<std::size_t>(layout.channels));
  std::fill_n(centre, layout.tile, T{0});
  std::int64_t rows = 0;
  for (std::int64_t at = begin; at < end; at += 4 * layout.tile) {
    const std::int64_t length = std::min(layout.tile, end - at);
    for (std::int64_t i = 0; i < length; ++i) centre[i] += x[at + i];
    rows += length / layout.channels;
  }
  drain(centre, layout, mean.data());
  for (std::int64_t i = 0; i < layout.tile; ++i)
    centre[i] = static_cast<T>(mean[i % layout.channels] / static_cast<double>(rows));
}

// sum += x - centre and square += (x - centre)^2, per lane.
template <class T>
void deviations_tile(const T* __restrict x, const T* __restrict centre, T* __restrict sum, T* __restrict square,
                     std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) {
    const T d = x[i] - centre[i];
    sum[i] += d;
    square[i] += d * d;
  }
}

// Moments of x[begin, end), by runs that stay in the level-1 cache. Deviations are taken from a value near the run's
// own mean, so the variance is right however far the mean is from zero.
template <class T>
Moments block_moments(const T* x, std::int64_t begin, std::int64_t end, const Layout& layout) {
  const std::int64_t channels = layout.channels;
  Moments moments(channels);
  std::vector<T> lanes(static_cast<std::size_t>(3 * layout.tile));
  T *sum = lanes.data(), *square = sum + layout.tile, *centre = square + layout.tile;
  std::vector<double> mean(static_cast<std::size_t>(channels)), deviation(static_cast<std::size_t>(channels));
  for (std::int64_t first = begin; first < end; first += layout.run) {
    const std::int64_t last = std::min(end, first + layout.run);
    const double rows = static_cast<double>((last - first) / channels);
    estimate_centre(x, first, last, layout, centre);
    for_each_tile(first, last, layout.tile,
                  [=](std::int64_t at, std::int64_t length) { deviations_tile(x + at, centre, sum, square, length); });
    std::fill(mean.begin(), mean.end(), 0.0);
    std::fill(deviation.begin(), deviation.end(), 0.0);
    drain(sum, layout, mean.data());
    drain(square, layout, deviation.data());
    for (std::int64_t c = 0; c < channels; ++c) {
      const double shift = mean[c] / rows;
      mean[c] = static_cast<double>(centre[c]) + shift;
      deviation[c] -= rows * shift * shift;
    }
    moments.merge(rows, mean.data(), deviation.data());
  }
  return moments;
}

template <class T>
Moments batch_moments(const T* x, const Layout& layout) {
  std::vector<Moments> parts(static_cast<std::size_t>(layout.blocks()), Moments(0));
  parallel_for_blocks(layout.size, layout.block, [&](std::int64_t begin, std::int64_t end) {
    parts[begin / layout.block] = block_moments(x, begin, end, layout);
  });
  Moments total(layout.channels);
  for (const Moments& part : parts) total.merge(part.count, part.mean.data(), part.deviation.data());
  return total;
}

// ---- normalise, add, rectify

template <bool kResidual, bool kRelu, class T>
void affine_tile(const T* __restrict x, const T* __restrict residual, const T* __restrict centre,
                 const T* __restrict scale, const T* __restrict shift, T* __restrict y, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) {
    T value = (x[i] - centre[i]) * scale[i] + shift[i];
    if constexpr (kResidual) value += residual[i];
    if constexpr (kRelu) value = value < 0 ? T{0} : value;
    y[i] = value;
  }
}

// y = relu?((x - centre) * scale + shift + residual?)
template <class T>
void centred_affine(const Layout& layout, const T* x, const T* residual, const Tiled<T>& centre, const Tiled<T>& scale,
                    const Tiled<T>& shift, bool relu, T* y) {
  const auto kernel = residual ? (relu ? affine_tile<true, true, T> : affine_tile<true, false, T>)
                               : (relu ? affine_tile<false, true, T> : affine_tile<false, false, T>);
  for_each_block_backwards(layout, [&](std::int64_t begin, std::int64_t end) {
    const TileWriter<T> out(y, layout.size, layout.tile);
    for_each_tile(begin, end, layout.tile, [&](std::int64_t at, std::int64_t length) {
      const T* added = residual ? residual + at : nullptr;
      prefetch_ahead(length, x + at, added);
      kernel(x + at, added, centre.data(), scale.data(), shift.data(), out.tile(at), length);
      out.store(at, length);
    });
  });
}

// ---- gradient

// g = grad_output where the output is positive (all of it without relu); sum g and sum g (x - mean), per lane.
template <bool kRelu, class T>
void gradient_sums_tile(const T* __restrict x, const T* __restrict y, const T* __restrict grad_output,
                        const T* __restrict mean, T* __restrict sum, T* __restrict product, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) {
    T g = grad_output[i];
    if constexpr (kRelu) g = y[i] <= 0 ? T{0} : g;
    sum[i] += g;
    product[i] += g * (x[i] - mean[i]);
  }
}

template <bool kRelu, bool kResidual, class T>
void gradient_tile(const T* __restrict x, const T* __restrict y, const T* __restrict grad_output,
                   const T* __restrict mean, const T* __restrict scale, const T* __restrict offset,
                   const T* __restrict slope, T* __restrict grad_x, T* __restrict grad_residual, std::int64_t length) {
  for (std::int64_t i = 0; i < length; ++i) {
    T g = grad_output[i];
    if constexpr (kRelu) g = y[i] <= 0 ? T{0} : g;
    if constexpr (kResidual) grad_residual[i] = g;
    grad_x[i] = scale[i] * (g - offset[i] - (x[i] - mean[i]) * slope[i]);
  }
}

// sums (2, C): of g and of g (x - mean) over the batch.
template <class T>
std::vector<double> gradient_sums(const Layout& layout, const T* x, const T* y, const T* grad_output,
                                  const Tiled<T>& mean, bool relu) {
  const auto kernel = relu ? gradient_sums_tile<true, T> : gradient_sums_tile<false, T>;
  const std::int64_t channels = layout.channels;
  std::vector<double> partial(static_cast<std::size_t>(layout.blocks() * 2 * channels));
  parallel_for_blocks(layout.size, layout.block, [&](std::int64_t begin, std::int64_t end) {
    double* sums = partial.data() + begin / layout.block * 2 * channels;
    std::vector<T> lanes(static_cast<std::size_t>(2 * layout.tile));
    T *sum = lanes.data(), *product = sum + layout.tile;
    for (std::int64_t first = begin; first < end; first += layout.run) {
      for_each_tile(first, std::min(end, first + layout.run), layout.tile, [&](std::int64_t at, std::int64_t length) {
        prefetch_ahead(length, x + at, grad_output + at, relu ? y + at : nullptr);
        kernel(x + at, y + at, grad_output + at, mean.data(), sum, product, length);
      });
      drain(sum, layout, sums);
      drain(product, layout, sums + channels);
    }
  });
  std::vector<double> total(static_cast<std::size_t>(2 * channels));
  for (std::size_t i = 0; i < partial.size(); ++i) total[i % total.size()] += partial[i];
  return total;
}

}  // namespace

void CpuBackend::channel_affine(const ConstView& x, const ConstView& scale, const ConstView& shift,
                                const ConstView* residual, bool relu, const View& y) {
  if (y.size() == 0) return;
  dispatch_float(y.dtype, "channel_affine", [&]<class T>(T) {
    const Layout layout(x.shape);
    const Tiled<T> centre(layout, [](std::int64_t) { return 0; });
    const Tiled<T> tiled_scale(layout, [&](std::int64_t c) { return scale.as<T>()[c]; });
    const Tiled<T> tiled_shift(layout, [&](std::int64_t c) { return shift.as<T>()[c]; });
    centred_affine(layout, x.as<T>(), residual ? residual->as<T>() : nullptr, centre, tiled_scale, tiled_shift, relu,
                   y.as<T>());
  });
}

void CpuBackend::batch_norm_training(const ConstView& x, const ConstView& gamma, const ConstView& beta,
                                     const ConstView* residual, const BatchNorm& options, const View& y,
                                     const View& mean, const View& variance) {
  check(x.size() > 0, "batch_norm_training: an empty batch of shape ", x.shape);
  dispatch_float(y.dtype, "batch_norm_training", [&]<class T>(T) {
    const Layout layout(x.shape);
    const Moments moments = batch_moments(x.as<T>(), layout);
    const auto scale_of = [&](std::int64_t c) {
      return static_cast<double>(gamma.as<T>()[c]) / std::sqrt(moments.deviation[c] / moments.count + options.epsilon);
    };
    const Tiled<T> centre(layout, [&](std::int64_t c) { return moments.mean[c]; });
    const Tiled<T> scale(layout, scale_of);
    // What rounding the mean to T took away goes into the shift.
    const Tiled<T> shift(layout, [&](std::int64_t c) {
      return static_cast<double>(beta.as<T>()[c]) -
             (moments.mean[c] - static_cast<double>(centre.data()[c])) * scale_of(c);
    });
    centred_affine(layout, x.as<T>(), residual ? residual->as<T>() : nullptr, centre, scale, shift, options.relu,
                   y.as<T>());
    for (std::int64_t c = 0; c < layout.channels; ++c) {
      mean.as<T>()[c] = static_cast<T>(moments.mean[c]);
      variance.as<T>()[c] = static_cast<T>(moments.deviation[c] / moments.count);
    }
  });
}

// With g = grad_output masked by the relu, xhat = (x - mean) / std and M rows (Ioffe, Szegedy 2015, section 3):
// grad_beta = sum g, grad_gamma = sum g xhat, grad_x = gamma / std * (g - grad_beta / M - xhat grad_gamma / M).
void CpuBackend::batch_norm_gradient(const ConstView& x, const ConstView& y, const ConstView& gamma,
                                     const ConstView& mean, const ConstView& variance, const ConstView& grad_output,
                                     const BatchNorm& options, const View& grad_x, const View& grad_gamma,
                                     const View& grad_beta, const View* grad_residual) {
  check(x.size() > 0, "batch_norm_gradient: an empty batch of shape ", x.shape);
  dispatch_float(grad_x.dtype, "batch_norm_gradient", [&]<class T>(T) {
    const Layout layout(x.shape);
    const double rows = static_cast<double>(layout.rows());
    const Tiled<T> centre(layout, [&](std::int64_t c) { return mean.as<T>()[c]; });
    const std::vector<double> sums =
        gradient_sums(layout, x.as<T>(), y.as<T>(), grad_output.as<T>(), centre, options.relu);
    const double *sum = sums.data(), *product = sum + layout.channels;
    const auto inverse_std = [&](std::int64_t c) {
      return 1 / std::sqrt(static_cast<double>(variance.as<T>()[c]) + options.epsilon);
    };
    for (std::int64_t c = 0; c < layout.channels; ++c) {
      grad_beta.as<T>()[c] = static_cast<T>(sum[c]);
      grad_gamma.as<T>()[c] = static_cast<T>(product[c] * inverse_std(c));
    }
    const Tiled<T> scale(layout,
                         [&](std::int64_t c) { return static_cast<double>(gamma.as<T>()[c]) * inverse_std(c); });
    const Tiled<T> offset(layout, [&](std::int64_t c) { return sum[c] / rows; });
    const Tiled<T> slope(layout, [&](std::int64_t c) { return product[c] * inverse_std(c) * inverse_std(c) / rows; });
    const auto kernel = options.relu ? (grad_residual ? gradient_tile<true, true, T> : gradient_tile<true, false, T>)
                                     : (grad_residual ? gradient_tile<false, true, T> : gradient_tile<false, false, T>);
    const T *values = x.as<T>(), *output = y.as<T>(), *grad = grad_output.as<T>();
    for_each_block_backwards(layout, [&](std::int64_t begin, std::int64_t end) {
      const TileWriter<T> to_x(grad_x.as<T>(), layout.size, layout.tile);
      const TileWriter<T> to_residual(grad_residual ? grad_residual->as<T>() : nullptr, layout.size, layout.tile);
      for_each_tile(begin, end, layout.tile, [&](std::int64_t at, std::int64_t length) {
        prefetch_ahead(length, values + at, grad + at, options.relu ? output + at : nullptr);
        kernel(values + at, output + at, grad + at, centre.data(), scale.data(), offset.data(), slope.data(),
               to_x.tile(at), to_residual.tile(at), length);
        to_x.store(at, length);
        to_residual.store(at, length);
      });
    });
  });
}

}  // namespace basin::cpu
