// Batches of training images, made where the images are.
#pragma once
#include "core/step_kernels.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// StepKernels::load_batch: the values of core/image_batch.h, rounded to x's type. At most 4 channels.
void load_batch(Stream stream, const ImageSource& source, const StepState& state, const View& x, const View& labels);

}  // namespace basin::cuda
