// Losses of a network on labelled images, during training.
#pragma once
#include <functional>
#include <optional>
#include <span>

#include "data/dataset.h"
#include "models/registry.h"
#include "models/training/options.h"

namespace basin {

// Loss per image, logits (N, C) and labels i32 (N) -> (N), recorded.
Tensor image_losses(const Tensor& logits, const Tensor& labels, Objective objective, double label_smoothing);

// Sums over images.
struct LossSum {
  double loss = 0;
  std::int64_t wrong = 0;  // images whose largest logit (the first, if several) is not the label's; NaN counts as wrong
};
// Of one batch: losses (N), logits (N, C).
LossSum sum_losses(const Tensor& losses, const Tensor& logits, std::span<const std::int32_t> labels);

struct Evaluation {
  double loss;   // mean
  double error;  // %
};
// Of the first `count` images in eval mode, without augmentation or label smoothing. Nothing if stop() (asked between
// batches, may be empty) returned true.
std::optional<Evaluation> evaluate(const Model& model, State& state, const Images& images, std::int64_t count,
                                   const Normalization& normalization, Objective objective,
                                   const std::function<bool()>& stop);

}  // namespace basin
