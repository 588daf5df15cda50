#include "cuda/kernels/step/cuda_step_kernels.h"

#include "cuda/kernels/step/check_finite.h"
#include "cuda/kernels/step/finish.h"
#include "cuda/kernels/step/load_batch.h"
#include "cuda/kernels/step/sums.h"
#include "cuda/kernels/step/update.h"

namespace basin::cuda {

CudaStepKernels::CudaStepKernels(Stream stream) : stream_(stream), device_(selected_device()) {}

Stream CudaStepKernels::stream() const {
  select_device(device_);
  return stream_;
}

void CudaStepKernels::load_batch(const ImageSource& source, const StepState& state, const View& x, const View& labels) {
  cuda::load_batch(stream(), source, state, x, labels);
}
void CudaStepKernels::check_finite(const ConstView& losses, std::span<const ParameterUpdate> updates,
                                   const LossScaling& scaling, const StepState& state) {
  cuda::check_finite(stream(), losses, updates, scaling, state);
}
void CudaStepKernels::add_to_sums(const ConstView& losses, const ConstView& logits, const ConstView& labels,
                                  const StepState& state) {
  cuda::add_to_sums(stream(), losses, logits, labels, state);
}
void CudaStepKernels::update(const OptimizerOptions& options, std::span<const ParameterUpdate> updates,
                             const StepState& state) {
  cuda::update(stream(), options, updates, state);
}
void CudaStepKernels::commit(std::span<const Assignment> assignments, const StepState& state) {
  cuda::commit(stream(), assignments, state);
}
void CudaStepKernels::finish_step(std::int64_t images, const StepState& state) {
  cuda::finish_step(stream(), images, state);
}

}  // namespace basin::cuda
