// Means with their standard errors.
#pragma once
#include <cstdint>
#include <span>

namespace basin {

struct Estimate {
  double value = 0;
  double error = 0;  // standard error; NaN where one sample cannot tell
};

// The mean of independent samples. At least one.
Estimate estimate_of(std::span<const double> samples);

// What one block of images says of a mean over images.
struct BlockValue {
  std::int64_t images = 0;
  double mean = 0;  // over the block's images
};
// The mean over all images; its error from the spread between the B blocks, sqrt(weighted variance / (B - 1)).
Estimate estimate_of(std::span<const BlockValue> blocks);

}  // namespace basin
