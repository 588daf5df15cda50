// Kernels of whole training steps: load a batch, test what came out, update, count. Whatever changes from step to step
// is in the back end's memory, so that the same recorded step (Backend::record) is run again and again and the host
// waits for none. A step calls them in this order: load_batch, (forward, backward), check_finite, add_to_sums, update,
// commit, finish_step.
#pragma once
#include <span>

#include "core/backend.h"
#include "core/optimizer.h"

namespace basin {

// Places in StepState::counters.
enum class StepCounter : std::uint8_t {
  batches,  // done in the run: the place of the next learning rate
  updates,  // of the parameters: batches less those skipped; Adam's step, and the first momentum, depend on it
  epoch,    // counted from 0: what augmentation is drawn from
  begin,    // the place in the epoch's order of the batch's first image
  skip,     // 1: this step changes no parameter
  problem,  // 0, 1: a loss was not finite, 2 + i: gradient i was not. Once set, later steps change nothing at all
};
inline constexpr std::int64_t kStepCounters = 6;

// In the back end's memory.
struct StepState {
  View counters;             // i64 (kStepCounters)
  View sums;                 // f64 (3): of the losses, of the wrongly classified, of the images, of the epoch so far
  View loss_scale;           // f32 (2): what the loss is multiplied by, and steps since that changed (or kScaleGrows)
  ConstView learning_rates;  // f64 (batches of the run)
};
// In place of the steps, within a step: at its end the scale is doubled. Its gradients are still of the old one.
inline constexpr float kScaleGrows = -1;

// Images in the back end's memory.
struct ImageSource {
  ConstView images;  // u8 (N, H, W, C)
  ConstView labels;  // i32 (N)
  ConstView order;   // i32: the images of an epoch by index; data null: 0, 1, 2, ...
  ConstView table;   // f32 (C, 256): the normalised value of each pixel value of each channel
  bool augment = false;
  std::int64_t padding = 4;  // zeros (after normalisation) around the image before the random crop to its own extent
  std::uint64_t seed = 0;    // offsets and mirroring are a function of (seed, epoch, image index) alone
};

// One parameter and what goes with it. f32 (or f64 on the CPU) but for the gradient and the copy.
struct ParameterUpdate {
  View parameter;
  View first, second;  // momentum, or the first and second moment
  ConstView gradient;  // of the scaled loss; any type that the back end computes in
  View copy = {};      // the parameter rounded to what the forward pass reads, of the gradient's type; data null: none
};

struct Assignment {
  ConstView from;
  View to;  // of the same type and shape
};

// Dynamic scaling of the loss (Micikevicius et al. 2018, section 3.2).
struct LossScaling {
  bool enabled = false;              // false: the scale stays as it is, and what is not finite is a problem at once
  std::int64_t growth_steps = 2000;  // without a skipped step, before the scale is doubled
  double smallest = 1;               // a problem where not even this scale gives finite gradients
};

class StepKernels {
 public:
  virtual ~StepKernels() = default;

  // x[i] (H, W, C) = image order[begin + i], cropped, mirrored, normalised (core/image_batch.h); labels[i] its label.
  // x is f32, f16 or bf16 (n, H, W, C), labels i32 (n). begin + n <= the epoch's images.
  virtual void load_batch(const ImageSource& source, const StepState& state, const View& x, const View& labels) = 0;

  // Sets `skip`, and `problem` or the loss scale (halved, down to the smallest, when skipped), by whether all losses
  // f32 (n) and all gradients are finite. `problem` names the first that is not.
  virtual void check_finite(const ConstView& losses, std::span<const ParameterUpdate> updates,
                            const LossScaling& scaling, const StepState& state) = 0;

  // Adds the losses f32 (n), the number of images whose largest logit (the first, if several; NaN counts as wrong, and
  // so does a label that is no class) is not the label's, and n, unless the step is skipped. logits f32 (n, classes),
  // labels i32 (n). In one order. f64 too on the CPU.
  virtual void add_to_sums(const ConstView& losses, const ConstView& logits, const ConstView& labels,
                           const StepState& state) = 0;

  // One step of the optimizer on all parameters, as Backend::sgd_step and adam_step, with gradient / loss_scale and the
  // learning rate of this batch, unless skipped.
  virtual void update(const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
                      const StepState& state) = 0;

  // to = from, unless skipped.
  virtual void commit(std::span<const Assignment> assignments, const StepState& state) = 0;

  // Counts: batches and updates (unless skipped) by one, begin by `images`; doubles the loss scale where it is time.
  // Nothing once there is a problem.
  virtual void finish_step(std::int64_t images, const StepState& state) = 0;
};

// What the options mean at a step.
SgdStep sgd_of(const OptimizerOptions& options, double learning_rate);
AdamStep adam_of(const OptimizerOptions& options, double learning_rate, std::int64_t step);  // 1 for the first

// The contracts of load_batch, add_to_sums, update and commit, for back ends: Error where shapes or types do not fit.
void check_batch(const ImageSource& source, const ConstView& x, const ConstView& labels);
void check_predictions(const ConstView& losses, const ConstView& logits, const ConstView& labels);
void check_updates(OptimizerKind kind, std::span<const ParameterUpdate> updates);
void check_assignments(std::span<const Assignment> assignments);

}  // namespace basin
