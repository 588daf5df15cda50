#include "core/operations/common.h"

namespace basin {
namespace {

void check_labels(const char* operation, const Tensor& logits, const Tensor& labels) {
  check_floating(operation, logits);
  check(logits.rank() == 2 && logits.dim(1) >= 1, operation, ": logits ", logits.shape(), ", expected (N, classes)");
  check(labels.dtype() == DType::i32 && labels.shape() == Shape{logits.dim(0)}, operation, ": labels of ",
        labels.dtype(), " ", labels.shape(), " do not fit logits ", logits.shape());
}

// (1 - s) [c == label] + s / C, (N, C) without history.
Tensor targets(const Tensor& logits, const Tensor& labels, double label_smoothing) {
  const std::int64_t rows = logits.dim(0), classes = logits.dim(1);
  const std::vector<std::int32_t> label = labels.to_vector<std::int32_t>();
  std::vector<double> values(static_cast<std::size_t>(rows * classes), label_smoothing / static_cast<double>(classes));
  for (std::int64_t n = 0; n < rows; ++n) {
    const std::int32_t c = label[static_cast<std::size_t>(n)];
    check(0 <= c && c < classes, "softmax_cross_entropy: label ", c, " of row ", n, " is not below ", classes);
    values[static_cast<std::size_t>(n * classes + c)] += 1 - label_smoothing;
  }
  return cast(Tensor::from({rows, classes}, values, logits.backend()), logits.dtype()).detach();
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
