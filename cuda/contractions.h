// Convolutions and matrix products of the CUDA back end, all in one stream. Which implementation computes them is a
// matter of the build and of the device: Basin's own kernels everywhere, libraries on GPUs where they are faster.
#pragma once
#include <memory>

#include "core/backend.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// What core/backend.h asks of these four: f32, f16 or bf16, all arguments alike, sums in f32. Empty operands are
// possible: an output whose sums have no terms is 0. Deterministic: the same arguments give the same bits. Calls may be
// captured (cuda/graph.h): working memory is a DeviceBuffer in the stream or lives as long as the object, and nothing
// waits for the device.
class Contractions {
 public:
  virtual ~Contractions() = default;
  virtual void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) = 0;
  virtual void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) = 0;
  virtual void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                                     const View& grad_x) = 0;
  virtual void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                                      const View& grad_weight) = 0;
};

// Basin's own kernels (cuda/kernels/conv2d.h, matmul.h).
std::unique_ptr<Contractions> own_contractions(Stream stream);

// What a back end on `device`, the selected one, uses: the own kernels on the emulator; on a GPU cuDNN and cuBLASLt
// where they are found and compute the case. By default the choice depends on the shapes alone. The environment changes
// it: BASIN_CUDA_CONVOLUTIONS=own or cudnn, BASIN_CUDA_PRODUCTS=own or cublaslt; with BASIN_CUDA_TUNE=1 each
// convolution is measured both ways when it is first met, and results may differ from run to run in their last bits.
// Error, in one line, where a library that was asked for cannot be loaded, or one that was found does not start.
std::unique_ptr<Contractions> make_contractions(Stream stream, int device);

}  // namespace basin::cuda
