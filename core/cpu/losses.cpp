// Rows of logits (N, C). Exponentials are taken of x - max, their sums in double precision.
#include <algorithm>
#include <cmath>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

constexpr std::int64_t kLogitBlock = 4096;  // elements: exponentials are dear

// f(row) for each row of logits (N, C).
template <class F>
void for_each_row(const ConstView& logits, const F& f) {
  const std::int64_t classes = logits.shape.back(), rows = logits.size() / std::max<std::int64_t>(1, classes);
  parallel_for_blocks(rows, std::max<std::int64_t>(1, kLogitBlock / std::max<std::int64_t>(1, classes)),
                      [&](std::int64_t begin, std::int64_t end) {
                        for (std::int64_t row = begin; row < end; ++row) f(row);
                      });
}

// log(sum(exp(x))) (Bishop 2006, eq. 4.108)..
template <class T>
double log_sum_exp(const T* x, std::int64_t classes) {
  const T greatest = *std::max_element(x, x + classes);
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += static_cast<double>(std::exp(x[c] - greatest));
  return static_cast<double>(greatest) + std::log(sum);
}

std::int64_t checked_label(const ConstView& labels, std::int64_t row, std::int64_t classes) {
  const std::int64_t label = labels.as<std::int32_t>()[row];
  check(label >= 0 && label < classes, "softmax_cross_entropy: label ", label, " of row ", row, " outside of ", classes,
        " classes");
  return label;
}

}  // namespace

void CpuBackend::log_softmax(const ConstView& logits, const View& y) {
  const std::int64_t classes = logits.shape.back();
  dispatch_float(y.dtype, "log_softmax", [&]<class T>(T) {
    for_each_row(logits, [&](std::int64_t row) {
      const T* x = logits.as<T>() + row * classes;
      T* out = y.as<T>() + row * classes;
      const double norm = log_sum_exp(x, classes);
      for (std::int64_t c = 0; c < classes; ++c) out[c] = static_cast<T>(static_cast<double>(x[c]) - norm);
    });
  });
}

void CpuBackend::softmax_cross_entropy(const ConstView& logits, const ConstView& labels, double label_smoothing,
                                       const View& loss) {
  const std::int64_t classes = logits.shape.back();
  dispatch_float(loss.dtype, "softmax_cross_entropy", [&]<class T>(T) {
    for_each_row(logits, [&](std::int64_t row) {
      const T* x = logits.as<T>() + row * classes;
      const double norm = log_sum_exp(x, classes);
      double value = (1 - label_smoothing) * (norm - static_cast<double>(x[checked_label(labels, row, classes)]));
      if (label_smoothing != 0) {
        double sum = 0;
        for (std::int64_t c = 0; c < classes; ++c) sum += norm - static_cast<double>(x[c]);
        value += label_smoothing / static_cast<double>(classes) * sum;
      }
      loss.as<T>()[row] = static_cast<T>(value);
    });
  });
}

void CpuBackend::softmax_cross_entropy_gradient(const ConstView& logits, const ConstView& labels,
                                                double label_smoothing, const ConstView& grad_loss,
                                                const View& grad_logits) {
  const std::int64_t classes = logits.shape.back();
  dispatch_float(grad_logits.dtype, "softmax_cross_entropy_gradient", [&]<class T>(T) {
    const T uniform = static_cast<T>(label_smoothing / static_cast<double>(classes));
    for_each_row(logits, [&](std::int64_t row) {
      const T* x = logits.as<T>() + row * classes;
      T* grad = grad_logits.as<T>() + row * classes;
      const std::int64_t label = checked_label(labels, row, classes);
      const T scale = grad_loss.as<T>()[row];
      const double norm = log_sum_exp(x, classes);
      for (std::int64_t c = 0; c < classes; ++c) {
        const T target = uniform + (c == label ? static_cast<T>(1 - label_smoothing) : T{0});
        grad[c] = scale * (static_cast<T>(std::exp(static_cast<double>(x[c]) - norm)) - target);
      }
    });
  });
}

}  // namespace basin::cpu
