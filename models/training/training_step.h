// One step of training as work that a back end records once and runs for every batch: load_batch, forward on working
// copies of the weights, losses, gradients, then check_finite, add_to_sums, update, commit, finish_step
// (core/step_kernels.h). Nothing waits for the host but settle().
//
// In half precision weights and biases of convolutions and linear layers have copies in it, which are the leaves of
// the gradient; the state stays f32, and so do batch norms and losses.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/registry.h"
#include "models/training/options.h"
#include "models/training/resident_images.h"
#include "models/training/step_memory.h"

namespace basin {

// The type of activations. Error, naming --precision and --device, where the back end does not compute so. bf16 on the
// CPU is f32: convolutions alone round their operands (core/cpu/compute.h).
DType activation_dtype(Precision precision, const Backend& backend);

// Before the first step of a run; the loss scale of fp16 begins at 2^16.
StepStatus first_status(Precision precision);

class TrainingStep {
 public:
  // `state`, on the images' back end, and `optimizer`, of its parameters, outlive the step, which updates their tensors
  // in place.
  TrainingStep(const Model& model, State& state, Optimizer& optimizer, const TrainingOptions& options,
               ResidentImages images);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  std::int64_t batches() const;  // of an epoch
  std::int64_t batch_images(std::int64_t batch) const;

  // Goes on from `status`, which may be in the middle of an epoch.
  void start_epoch(const StepStatus& status);
  // The epoch's next batch, of that many images.
  void run(std::int64_t images);
  std::unique_ptr<PendingCopy> start_report() const { return memory_.start_read(); }  // read by status_of()

  // Waits for all steps, and brings what the host counts up to them: the optimizer's steps, the state's batches.
  StepStatus settle();
  // What ended the run: "the gradient of conv1.weight is not finite", "the loss is NaN"; "" if nothing.
  std::string problem(const StepStatus& status) const;

 private:
  struct Losses {
    Tensor labels, logits, losses;  // logits and losses f32
  };

  void make_working_state();
  Losses forward_batch(std::int64_t images, State& working) const;
  void compute(std::int64_t images);
  std::vector<ParameterUpdate> updates(const Tensors& gradients) const;
  std::vector<Assignment> new_statistics(const State& working) const;

  const Model& model_;
  State& state_;
  Optimizer& optimizer_;
  const TrainingOptions options_;
  const ResidentImages images_;
  Backend& backend_;
  const DType dtype_;
  State working_;             // the state's tensors, or their copies in half precision
  Tensors leaves_;            // parameters of working_
  std::vector<View> copies_;  // of each parameter in half precision; data null: none
  Tensor order_;              // i32 (N): the epoch's order
  StepMemory memory_;
  std::map<std::int64_t, std::unique_ptr<RecordedWork>> recorded_;  // by the images of the batch
};

}  // namespace basin
