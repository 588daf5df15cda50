// The networks that the resident kernel takes, and where their weights lie in its memory: for each grid point one blob,
// in the order in which the kernel reads it.
#pragma once
#include <cstdint>
#include <string>

#include "core/plan.h"
#include "cuda/grid/blob_layout.h"

namespace basin::cuda {

// A ResNet of depth 6 blocks + 2 (He et al. 2016, section 4.2): three stages of `blocks` basic blocks, of 16, 32 and 64
// channels at 32, 16 and 8 pixels.
struct ResidentNet {
  std::int64_t blocks = 0;
  bool shortcut = true;  // identity, and where a block changes the shape a projection (option B); false: none anywhere
  std::int64_t classes = 10;  // at most kMaxResidentClasses
};
inline constexpr std::int64_t kMaxResidentClasses = 128;

// The blob: 16-bit weights of convolutions, f32 weights of the classifier, f32 shifts.
//
// Weights of convolutions are B operands of mma_m16n8k16, N = output and K = input channels. A fragment is 16 bytes a
// lane: 16 outputs by 16 inputs of one tap. In the stem K is the flat index (r, s, c) of a filter, 27 padded to 32, two
// fragments. A 3x3 convolution is [input tile][output tile][tap][lane], the projection that is added to it follows as
// [input tile][output tile][lane]. Layers are in the order of execution.
//
// The classifier's weights are (features, classes). Shifts are those of the convolutions in their order, then of the
// classifier.
struct ResidentLayout : BlobLayout {
  ResidentNet net;

  std::int64_t classifier_word() const { return extents().float_word(); }
  std::int64_t shift_word() const { return extents().shift_word(); }
  std::int64_t words() const { return extents().words(); }
};

// Throws Error that says what the resident kernel does not take, unless the plan is that of a ResidentNet.
ResidentLayout resident_layout(const Plan& plan);
// That in one line; "" where the kernel takes the plan.
std::string resident_obstacle(const Plan& plan);

}  // namespace basin::cuda
