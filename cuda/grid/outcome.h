// What the kernels of the grid engine say of an image beside its loss.
#pragma once
#include <cstdint>

namespace basin::cuda {

// Bits of what is known of an image at a point.
struct Outcome {
  static constexpr std::uint8_t kCorrect = 1;     // the first largest logit is the label's, and none is NaN
  static constexpr std::uint8_t kNotFinite = 2;   // a logit is infinite or NaN
  static constexpr std::uint8_t kOverflowed = 4;  // an activation was too large for 16 bits: the loss is not to be used
};

}  // namespace basin::cuda
