#include "core/step_kernels.h"

namespace basin {

SgdStep sgd_of(const OptimizerOptions& options, double learning_rate) {
  return {learning_rate, options.momentum, options.weight_decay, options.nesterov};
}

AdamStep adam_of(const OptimizerOptions& options, double learning_rate, std::int64_t step) {
  return {learning_rate,
          options.beta1,
          options.beta2,
          options.epsilon,
          options.weight_decay,
          options.kind == OptimizerKind::adamw,
          step};
}

void check_batch(const ImageSource& source, const ConstView& x, const ConstView& labels) {
  const Shape &images = source.images.shape, &batch = x.shape;
  check(source.images.dtype == DType::u8 && images.size() == 4, "load_batch: images are ", source.images.dtype, " ",
        images, ", expected u8 (N, H, W, C)");
  check(batch.size() == 4 && batch[1] == images[1] && batch[2] == images[2] && batch[3] == images[3],
        "load_batch: a batch ", batch, " does not fit images ", images);
  check(labels.dtype == DType::i32 && labels.shape == Shape{batch[0]}, "load_batch: labels are ", labels.dtype, " ",
        labels.shape, ", expected i32 ", Shape{batch[0]});
  check(source.labels.dtype == DType::i32 && source.labels.shape == Shape{images[0]},
        "load_batch: ", source.labels.dtype, " ", source.labels.shape, " labels for images ", images);
  check(!source.order.data || source.order.dtype == DType::i32, "load_batch: the order is ", source.order.dtype,
        ", expected i32");
  check(source.table.dtype == DType::f32 && source.table.shape == Shape{images[3], 256}, "load_batch: the table is ",
        source.table.dtype, " ", source.table.shape, ", expected f32 ", Shape{images[3], 256});
  check(source.padding >= 0, "load_batch: padding is ", source.padding, ", expected at least 0");
}

void check_predictions(const ConstView& losses, const ConstView& logits, const ConstView& labels) {
  check(losses.shape.size() == 1 && logits.shape.size() == 2 && logits.shape[0] == losses.shape[0] &&
            labels.shape == losses.shape && logits.dtype == losses.dtype && labels.dtype == DType::i32,
        "add_to_sums: losses ", losses.dtype, " ", losses.shape, ", logits ", logits.dtype, " ", logits.shape,
        " and labels ", labels.dtype, " ", labels.shape, " do not fit");
}

void check_updates(OptimizerKind kind, std::span<const ParameterUpdate> updates) {
  for (const ParameterUpdate& update : updates) {
    const View& p = update.parameter;
    const auto fits = [&](const View& kept) { return kept.data && kept.dtype == p.dtype && kept.size() == p.size(); };
    check(update.gradient.shape == p.shape, "update: gradient ", update.gradient.shape, " of parameter ", p.shape);
    check(fits(update.first) && (kind == OptimizerKind::sgd || fits(update.second)), "update: parameter ", p.dtype, " ",
          p.shape, " lacks a moment of its shape and type");
    check(!update.copy.data || (update.copy.dtype == update.gradient.dtype && update.copy.size() == p.size()),
          "update: copy ", update.copy.dtype, " ", update.copy.shape, " of parameter ", p.shape, " with gradient ",
          update.gradient.dtype);
  }
}

void check_assignments(std::span<const Assignment> assignments) {
  for (const auto& [from, to] : assignments)
    check(from.dtype == to.dtype && from.shape == to.shape, "commit: ", from.dtype, " ", from.shape, " to ", to.dtype,
          " ", to.shape);
}

}  // namespace basin
