// The losses of images at many points, every layer of a narrow ResNet in one kernel: activations never leave shared
// memory.
#pragma once
#include "core/objective.h"
#include "core/tensor.h"
#include "cuda/grid/outcome.h"
#include "cuda/grid/resident_layout.h"
#include "cuda/kernels/cost.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// How many images a block computes at once, and how many blocks run: as many as the device holds.
struct ResidentConfig {
  int images = 1;  // 1 or 3
  int blocks = 1;
};
// For the device's multiprocessors and their shared memory (CUDA programming guide, table of compute capabilities).
// Error before compute capability 8.0.
ResidentConfig resident_config(const DeviceInfo& device);
std::size_t resident_shared_bytes(int images);  // of a block

// Words of 4 bytes of an image in the order in which the stem multiplies it: A operands of mma_m16n8k16, rows 16 pixels
// next to each other, columns the 27 values (r, s, c) that a filter of the stem sees, padded to 32.
inline constexpr std::int64_t kImageFragmentWords = 64 * 2 * 32 * 4;

// images (N, 32, 32, 3) f32, normalised -> fragments (N, 2 * kImageFragmentWords) f16 or bf16.
void image_fragments(Stream stream, const ConstView& images, const View& fragments);

// loss[k, i], outcome[k, i] and, unless it is null, logits[k, i, c] of image i at point k.
//
// blobs (K, words) i32 as perturb() writes them for f16 or bf16, which is the dtype of fragments; labels (N) i32 in
// [0, classes); loss (K, N) f32: softmax cross-entropy, or the squared error of Objective, in double from f32 logits,
// rounded once; outcome (K, N) u8; logits (K, N, classes) f32. Activations are rounded to 16 bits after each relu, sums
// are f32; features, classifier and logits are f32. A result depends on nothing but its image and point.
void resident_losses(Stream stream, const ResidentConfig& config, const ResidentLayout& layout, const ConstView& blobs,
                     const ConstView& fragments, const ConstView& labels, Objective objective, const View& loss,
                     const View& outcome, const View* logits = nullptr);

// Tensor-core operations (m16n8k16) of an image.
std::int64_t resident_mma(const ResidentNet& net);

}  // namespace basin::cuda
