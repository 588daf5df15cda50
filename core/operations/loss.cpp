#include <numeric>

#include "core/operations/common.h"

namespace basin {
namespace {

void check_labels(const char* operation, const Tensor& logits, const Tensor& labels) {
  check_floating(operation, logits);
  check(logits.rank() == 2 && logits.dim(1) >= 1, operation, ": logits ", logits.shape(), ", expected (N, classes)");
  check(labels.dtype() == DType::i32 && labels.shape() == Shape{logits.dim(0)}, operation, ": labels of ",
        labels.dtype(), " ", labels.shape(), " do not fit logits ", logits.shape());
}

// (1 - s) [c == label] + s / C, (N, C) without history; made where the logits are, so that recorded work can make it.
Tensor targets(const Tensor& logits, const Tensor& labels, double label_smoothing) {
  const Recording off(false);
  const std::int64_t rows = logits.dim(0), classes = logits.dim(1);
  const double other = label_smoothing / static_cast<double>(classes), own = other + (1 - label_smoothing);
  std::vector<std::int32_t> classes_in_order(static_cast<std::size_t>(classes));
  std::iota(classes_in_order.begin(), classes_in_order.end(), 0);
  const Tensor label = reshape(cast(labels, logits.dtype()), {rows, 1});
  const Tensor column = cast(Tensor::from({classes}, classes_in_order, logits.backend()), logits.dtype());
  const Tensor is_own = greater_equal(label, column) * greater_equal(column, label);
  const auto constant = [&](double value) {
    return Tensor::full(logits.shape(), value, logits.dtype(), logits.backend());
  };
  return select(is_own, constant(own), constant(other));
}

// grad_loss[n] * (softmax(logits)[n] - target[n]): fused, its own derivatives from the definition.
Tensor softmax_cross_entropy_gradient(const Tensor& logits, const Tensor& labels, double label_smoothing,
                                      const Tensor& grad_loss) {
  Tensor y = empty_like(logits);
  y.backend().softmax_cross_entropy_gradient(logits.view(), labels.view(), label_smoothing, grad_loss.view(),
                                             y.mutable_view());
  return record("softmax_cross_entropy_gradient", y, {logits, grad_loss},
                vjp_of([labels, label_smoothing](const Tensors& in) {
                  const Tensor difference = softmax(in[0]) - targets(in[0], labels, label_smoothing);
                  return difference * reshape(in[1], {in[1].size(), 1});
                }));
}

}  // namespace

Tensor log_softmax(const Tensor& logits) {
  check_floating("log_softmax", logits);
  check(logits.rank() == 2, "log_softmax: logits ", logits.shape(), ", expected (N, classes)");
  Tensor y = empty_like(logits);
  y.backend().log_softmax(logits.view(), y.mutable_view());
  return record("log_softmax", y, {logits}, [](const Pullback& p) {
    return Tensors{p.grad_output - exp(p.output) * sum(p.grad_output, {1}, true)};
  });
}

Tensor softmax(const Tensor& logits) { return exp(log_softmax(logits)); }

Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing) {
  check_labels("softmax_cross_entropy", logits, labels);
  check(label_smoothing >= 0 && label_smoothing <= 1, "softmax_cross_entropy: label smoothing ", label_smoothing,
        " is not in [0, 1]");
  Tensor loss = empty_like(logits, {logits.dim(0)});
  loss.backend().softmax_cross_entropy(logits.view(), labels.view(), label_smoothing, loss.mutable_view());
  return record("softmax_cross_entropy", loss, {logits}, [labels, label_smoothing](const Pullback& p) {
    return Tensors{softmax_cross_entropy_gradient(p.inputs[0], labels, label_smoothing, p.grad_output)};
  });
}

Tensor softmax_squared_error(const Tensor& logits, const Tensor& labels) {
  check_labels("softmax_squared_error", logits, labels);
  const Tensor difference = softmax(logits) - targets(logits, labels, 0);
  return mean(difference * difference, {1});
}

}  // namespace basin
