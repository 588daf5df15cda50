// The networks that the resident kernel takes, and where their weights lie in its memory: for each grid point one blob,
// in the order in which the kernel reads it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/plan.h"

namespace basin::cuda {

// A ResNet of depth 6 blocks + 2 (He et al. 2016, section 4.2): three stages of `blocks` basic blocks, of 16, 32 and 64
// channels at 32, 16 and 8 pixels.
struct ResidentNet {
  std::int64_t blocks = 0;
  bool shortcut = true;  // identity, and where a block changes the shape a projection (option B); false: none anywhere
  std::int64_t classes = 10;  // at most kMaxResidentClasses
};
inline constexpr std::int64_t kMaxResidentClasses = 128;

// A channel of a stage: where its folded shift belongs.
struct BlobChannel {
  int stage = -1;  // of the plan
  std::int64_t index = 0;
};
// Element `element` of the folded weight of the stage that has channel `channel`, an index into
// ResidentLayout::channels; kPadding: zero.
struct BlobWeight {
  static constexpr std::int64_t kPadding = -1;
  std::int64_t channel = kPadding;
  std::int64_t element = 0;
};

// The blob: 16-bit weights of convolutions, f32 weights of the classifier, f32 shifts; zeros to a multiple of 16 bytes.
//
// Weights of convolutions are B operands of mma_m16n8k16, N = output and K = input channels. A fragment is 16 bytes a
// lane: 16 outputs by 16 inputs of one tap. In the stem K is the flat index (r, s, c) of a filter, 27 padded to 32, two
// fragments. A 3x3 convolution is [input tile][output tile][tap][lane], the projection that is added to it follows as
// [input tile][output tile][lane]. Layers are in the order of execution.
//
// The classifier's weights are (features, classes). Shifts are those of the convolutions in their order, then of the
// classifier.
struct ResidentLayout {
  ResidentNet net;
  std::vector<BlobWeight> halves;
  std::vector<BlobWeight> classifier;
  std::vector<BlobChannel> channels;

  // In words of 4 bytes: what is before the classifier and before the shifts, and the whole.
  std::int64_t classifier_word() const { return static_cast<std::int64_t>(halves.size()) / 2; }
  std::int64_t shift_word() const { return classifier_word() + static_cast<std::int64_t>(classifier.size()); }
  std::int64_t words() const { return (shift_word() + static_cast<std::int64_t>(channels.size()) + 3) / 4 * 4; }
};

// Throws Error that says what the resident kernel does not take, unless the plan is that of a ResidentNet.
ResidentLayout resident_layout(const Plan& plan);
// That in one line; "" where the kernel takes the plan.
std::string resident_obstacle(const Plan& plan);

}  // namespace basin::cuda
