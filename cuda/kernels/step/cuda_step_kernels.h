// Kernels of whole training steps on a GPU (core/step_kernels.h). Nothing waits for the device or depends on values
// that the host must read, so that a graph may capture all of it.
#pragma once
#include "core/step_kernels.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// Launches in `stream`, on the device that is selected at construction. Gradients and activations f32, f16 or bf16;
// parameters, what the optimizer keeps and losses f32.
class CudaStepKernels final : public StepKernels {
 public:
  explicit CudaStepKernels(Stream stream);

  void load_batch(const ImageSource& source, const StepState& state, const View& x, const View& labels) override;
  void check_finite(const ConstView& losses, std::span<const ParameterUpdate> updates, const LossScaling& scaling,
                    const StepState& state) override;
  void add_to_sums(const ConstView& losses, const ConstView& logits, const ConstView& labels,
                   const StepState& state) override;
  void update(const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
              const StepState& state) override;
  void commit(std::span<const Assignment> assignments, const StepState& state) override;
  void finish_step(std::int64_t images, const StepState& state) override;

 private:
  Stream stream() const;  // after the calling thread has been turned to the device

  Stream stream_;
  int device_;
};

}  // namespace basin::cuda
