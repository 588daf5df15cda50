// Losses of rows of logits (N, C), f32; labels (N), i32. A label outside of [0, C) makes its row NaN.
#pragma once
#include "core/backend.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// y[n, c] = log softmax(logits[n, :])[c]
void log_softmax(Stream stream, const ConstView& logits, const View& y);
// loss[n] = (1 - s) * -log p[label] + s / C * sum_c -log p[c],  p = softmax(logits[n, :]), s the label smoothing
void softmax_cross_entropy(Stream stream, const ConstView& logits, const ConstView& labels, double label_smoothing,
                           const View& loss);
// grad_logits[n, c] = grad_loss[n] * (p[c] - target[n, c])
void softmax_cross_entropy_gradient(Stream stream, const ConstView& logits, const ConstView& labels,
                                    double label_smoothing, const ConstView& grad_loss, const View& grad_logits);

// Each operand once.
Cost softmax_cross_entropy_cost(std::int64_t rows, std::int64_t classes);
Cost softmax_cross_entropy_gradient_cost(std::int64_t rows, std::int64_t classes);

}  // namespace basin::cuda
