#include "models/training/evaluation.h"

#include <algorithm>
#include <utility>

namespace basin {
namespace {

constexpr std::int64_t kBatch = 256;  // images at a time: their activations stay small, the threads busy

}  // namespace

Tensor image_losses(const Tensor& logits, const Tensor& labels, Objective objective, double label_smoothing) {
  return objective == Objective::cross_entropy ? softmax_cross_entropy(logits, labels, label_smoothing)
                                               : softmax_squared_error(logits, labels);
}

EvaluationPass::EvaluationPass(const Model& model, const State& state, ResidentImages images, Objective objective)
    : model_(model), state_(state), images_(std::move(images)), objective_(objective), memory_({}, images_.backend()) {
  for (std::int64_t begin = 0; begin < images_.count(); begin += kBatch) {
    const std::int64_t size = batch_images(begin);
    if (!recorded_.contains(size)) recorded_[size] = images_.backend().record([this, size] { compute(size); });
  }
}

std::int64_t EvaluationPass::batch_images(std::int64_t begin) const {
  return std::min(kBatch, images_.count() - begin);
}

void EvaluationPass::compute(std::int64_t images) {
  const Recording off(false);
  Backend& backend = images_.backend();
  StepKernels& kernels = backend.step_kernels();
  const StepState state = memory_.state();
  const Tensor x = Tensor::empty(images_.batch_shape(images), DType::f32, backend);
  const Tensor labels = Tensor::empty({images}, DType::i32, backend);
  kernels.load_batch(images_.source(), state, x.mutable_view(), labels.mutable_view());
  const Tensor logits = forward(model_, state_, x, Mode::evaluate);
  const Tensor losses = image_losses(logits, labels, objective_, 0);
  kernels.add_to_sums(losses.view(), logits.view(), labels.view(), state);
  kernels.finish_step(images, state);
}

std::optional<Evaluation> EvaluationPass::run(const std::function<bool()>& stop) {
  memory_.write({});
  for (std::int64_t begin = 0; begin < images_.count(); begin += kBatch) {
    if (stop && stop()) return std::nullopt;
    recorded_.at(batch_images(begin))->run();
  }
  const StepStatus status = memory_.read();
  return Evaluation{status.loss(), status.error()};
}

}  // namespace basin
