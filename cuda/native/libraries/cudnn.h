// Convolutions by cuDNN 9 in NHWC: f32 (no TF32), f16 and bf16 (sums in f32), with groups.
#pragma once
#include <memory>

#include "cuda/installation.h"
#include "cuda/native/libraries/convolution_case.h"
#include "cuda/runtime.h"

namespace basin::cuda {

class Convolutions {
 public:
  virtual ~Convolutions() = default;
  // Starts a convolution in the stream; a, b and output are in the order of core/backend.h. False, with nothing started
  // and the output unchanged, where cuDNN has no deterministic algorithm for the case or the operands are not 16-byte
  // aligned. What is chosen depends on the case and the device alone and is kept; choosing runs nothing on the device,
  // so that a case may be met first while the stream captures.
  virtual bool run(const ConvolutionCase& convolution, const void* a, const void* b, void* output) = 0;
};

FoundLibrary find_cudnn();
// For the selected device, in `stream`. Error, in one line, where cuDNN cannot be loaded or started.
std::unique_ptr<Convolutions> open_cudnn(Stream stream);

}  // namespace basin::cuda
