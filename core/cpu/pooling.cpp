// Windows over H and W; channels are the inner, vectorised loop.
#include <algorithm>
#include <limits>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

// Rows [begin, end) of an axis of `extent` that the window of output position `p` covers, padding left out.
struct Window {
  Window(std::int64_t p, std::int64_t extent, const Pool2d& o)
      : begin(std::max<std::int64_t>(0, p * o.stride - o.padding)),
        end(std::min(extent, p * o.stride - o.padding + o.kernel)) {}
  std::int64_t begin, end;
};

void check_padding(const Pool2d& options, const char* kernel) {
  check(options.padding < options.kernel, kernel, ": padding ", options.padding, " leaves windows of ", options.kernel,
        " without a value");
}

// best, index (C): where x beats what is there. A NaN beats every number and the first of equals stays.
template <class T>
void take_greater(const T* x, std::int64_t channels, std::int32_t position, T* best, std::int32_t* index) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const bool taken = x[c] > best[c] || (x[c] != x[c] && best[c] == best[c]);
    best[c] = taken ? x[c] : best[c];
    index[c] = taken ? position + static_cast<std::int32_t>(c) : index[c];
  }
}

}  // namespace

void CpuBackend::max_pool2d(const ConstView& x, const Pool2d& options, const View& y, const View& indices) {
  check_padding(options, "max_pool2d");
  check(x.size() <= std::numeric_limits<std::int32_t>::max(), "max_pool2d: ", x.shape, " has too many elements");
  const std::int64_t height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  const std::int64_t rows = y.shape[1], columns = y.shape[2];
  dispatch_float(y.dtype, "max_pool2d", [&]<class T>(T) {
    parallel_for(y.shape[0] * rows, [&](std::int64_t row) {
      const std::int64_t n = row / rows;
      const Window h(row % rows, height, options);
      for (std::int64_t q = 0; q < columns; ++q) {
        const Window w(q, width, options);
        T* best = y.as<T>() + (row * columns + q) * channels;
        std::int32_t* index = indices.as<std::int32_t>() + (row * columns + q) * channels;
        for (std::int64_t i = h.begin; i < h.end; ++i)
          for (std::int64_t j = w.begin; j < w.end; ++j) {
            const std::int64_t position = ((n * height + i) * width + j) * channels;
            const T* values = x.as<T>() + position;
            if (i == h.begin && j == w.begin) {
              std::copy_n(values, channels, best);
              for (std::int64_t c = 0; c < channels; ++c) index[c] = static_cast<std::int32_t>(position + c);
            } else {
              take_greater(values, channels, static_cast<std::int32_t>(position), best, index);
            }
          }
      }
    });
  });
}

void CpuBackend::max_pool2d_gradient(const ConstView& grad_output, const ConstView& indices, const Pool2d&,
                                     const View& grad_x) {
  scatter(grad_output, indices, grad_x);
}

void CpuBackend::average_pool2d(const ConstView& x, const Pool2d& options, const View& y) {
  const std::int64_t height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  const std::int64_t rows = y.shape[1], columns = y.shape[2];
  dispatch_float(y.dtype, "average_pool2d", [&]<class T>(T) {
    const T scale = T{1} / static_cast<T>(options.kernel * options.kernel);
    parallel_for(y.shape[0], [&](std::int64_t n) {
      for (std::int64_t p = 0; p < rows; ++p)
        for (std::int64_t q = 0; q < columns; ++q) {
          const Window h(p, height, options), w(q, width, options);
          T* sum = y.as<T>() + ((n * rows + p) * columns + q) * channels;
          std::fill_n(sum, channels, T{0});
          for (std::int64_t i = h.begin; i < h.end; ++i)
            for (std::int64_t j = w.begin; j < w.end; ++j) {
              const T* values = x.as<T>() + ((n * height + i) * width + j) * channels;
              for (std::int64_t c = 0; c < channels; ++c) sum[c] += values[c];
            }
          for (std::int64_t c = 0; c < channels; ++c) sum[c] *= scale;
        }
    });
  });
}

void CpuBackend::average_pool2d_gradient(const ConstView& grad_output, const Pool2d& options, const View& grad_x) {
  const std::int64_t height = grad_x.shape[1], width = grad_x.shape[2], channels = grad_x.shape[3];
  const std::int64_t rows = grad_output.shape[1], columns = grad_output.shape[2];
  dispatch_float(grad_x.dtype, "average_pool2d_gradient", [&]<class T>(T) {
    const T scale = T{1} / static_cast<T>(options.kernel * options.kernel);
    parallel_for(grad_x.shape[0], [&](std::int64_t n) {
      T* image = grad_x.as<T>() + n * height * width * channels;
      std::fill_n(image, height * width * channels, T{0});
      for (std::int64_t p = 0; p < rows; ++p)
        for (std::int64_t q = 0; q < columns; ++q) {
          const Window h(p, height, options), w(q, width, options);
          const T* grad = grad_output.as<T>() + ((n * rows + p) * columns + q) * channels;
          for (std::int64_t i = h.begin; i < h.end; ++i)
            for (std::int64_t j = w.begin; j < w.end; ++j) {
              T* sum = image + (i * width + j) * channels;
              for (std::int64_t c = 0; c < channels; ++c) sum[c] += scale * grad[c];
            }
        }
    });
  });
}

}  // namespace basin::cpu
