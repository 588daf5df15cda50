#include "models/training/evaluation.h"

#include <algorithm>

#include "core/backend.h"
#include "data/preprocess.h"

namespace basin {
namespace {

constexpr std::int64_t kBatch = 256;  // images at a time: their activations stay small, the threads busy

bool is_wrong(std::span<const float> logits, std::int32_t label) {
  const float own = logits[static_cast<std::size_t>(label)];
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const bool below = static_cast<std::int32_t>(c) < label ? logits[c] < own : logits[c] <= own;
    if (!below) return true;  // a NaN too
  }
  return false;
}

}  // namespace

Tensor image_losses(const Tensor& logits, const Tensor& labels, Objective objective, double label_smoothing) {
  return objective == Objective::cross_entropy ? softmax_cross_entropy(logits, labels, label_smoothing)
                                               : softmax_squared_error(logits, labels);
}

LossSum sum_losses(const Tensor& losses, const Tensor& logits, std::span<const std::int32_t> labels) {
  LossSum sum;
  for (const float loss : losses.to_vector<float>()) sum.loss += static_cast<double>(loss);
  const std::vector<float> values = logits.to_vector<float>();
  const auto classes = static_cast<std::size_t>(logits.dim(1));
  for (std::size_t i = 0; i < labels.size(); ++i)
    sum.wrong += is_wrong(std::span(values).subspan(i * classes, classes), labels[i]);
  return sum;
}

std::optional<Evaluation> evaluate(const Model& model, State& state, const Images& images, std::int64_t count,
                                   const Normalization& normalization, Objective objective,
                                   const std::function<bool()>& stop) {
  const Recording off(false);
  Backend& backend = state.entries().front().value.backend();
  std::vector<float> pixels(static_cast<std::size_t>(std::min(count, kBatch) * images.image_size()));
  LossSum total;
  for (std::int64_t begin = 0; begin < count; begin += kBatch) {
    if (stop && stop()) return std::nullopt;
    const std::int64_t end = std::min(count, begin + kBatch);
    normalize(images, normalization, begin, end, pixels.data());
    const Tensor x = Tensor::from_bytes({end - begin, images.height, images.width, images.channels}, DType::f32,
                                        pixels.data(), backend);
    const std::span labels =
        std::span(images.labels).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    const Tensor logits = forward(model, state, x, Mode::evaluate);
    const Tensor targets = Tensor::from<std::int32_t>({end - begin}, labels, backend);
    const LossSum sum = sum_losses(image_losses(logits, targets, objective, 0), logits, labels);
    total.loss += sum.loss;
    total.wrong += sum.wrong;
  }
  const double images_seen = static_cast<double>(count);
  return Evaluation{total.loss / images_seen, 100 * static_cast<double>(total.wrong) / images_seen};
}

}  // namespace basin
