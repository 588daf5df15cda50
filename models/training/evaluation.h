// Losses of a network on labelled images, during training.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "models/registry.h"
#include "models/training/options.h"
#include "models/training/resident_images.h"
#include "models/training/step_memory.h"

namespace basin {

// Loss per image, logits (N, C) and labels i32 (N) -> (N), recorded.
Tensor image_losses(const Tensor& logits, const Tensor& labels, Objective objective, double label_smoothing);

struct Evaluation {
  double loss;   // mean
  double error;  // %: images whose largest logit (the first, if several) is not the label's; NaN counts as wrong
};

// A network in eval mode on all of `images`, in f32, without augmentation or label smoothing: work that the back end
// records once.
class EvaluationPass {
 public:
  // `state` is on the images' back end; run() sees what its tensors hold then. `model` outlives the pass.
  EvaluationPass(const Model& model, const State& state, ResidentImages images, Objective objective);
  EvaluationPass(const EvaluationPass&) = delete;
  EvaluationPass& operator=(const EvaluationPass&) = delete;

  // Waits once, at the end. Nothing if stop() (asked between batches, may be empty) returned true.
  std::optional<Evaluation> run(const std::function<bool()>& stop = {});

 private:
  void compute(std::int64_t images);
  std::int64_t batch_images(std::int64_t begin) const;

  const Model& model_;
  State state_;  // handles of the given one's
  const ResidentImages images_;
  const Objective objective_;
  StepMemory memory_;
  std::map<std::int64_t, std::unique_ptr<RecordedWork>> recorded_;  // by the images of the batch
};

}  // namespace basin
