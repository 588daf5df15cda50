// From the bytes of an image (H, W, C) to the floats that a network reads: normalised by a table, with or without a
// random crop and mirroring. On GPUs: cuda/kernels/step/load_batch.cu.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"

namespace basin {

struct ImageExtents {
  std::int64_t height, width, channels;
  std::int64_t size() const { return height * width * channels; }
};

struct Augmentation {
  std::int64_t padding = 4;  // zero (after normalisation) border before the random crop to the image's own size
  bool flip = true;          // mirror left-right with probability 1/2
};

inline constexpr std::int64_t kPixelLevels = 256;

// table (C, 256): (value / 255 - mean[c]) / deviation[c], exact to one rounding. Error where a deviation is not
// positive.
std::vector<float> pixel_table(std::span<const float> mean, std::span<const float> deviation);

// y (H, W, C) = x by `table`.
void normalize_image(const std::uint8_t* x, const ImageExtents& extents, const float* table, float* y);

// What augmentation in `epoch` is drawn from: three numbers an image, from index 3 * image on.
Random augmentation_random(std::uint64_t seed, std::int64_t epoch);

struct Placement {
  std::int64_t top, left;  // where the crop begins, relative to the image: in [-padding, padding]
  bool mirrored;
};
Placement draw_placement(const Augmentation& augmentation, const Random& random, std::int64_t image);

// The same for the image cropped, then mirrored; zero outside of it.
void normalize_crop(const std::uint8_t* x, const ImageExtents& extents, const Placement& placement, const float* table,
                    float* y);

}  // namespace basin
