#include "core/image_batch.h"

#include <algorithm>

#include "core/error.h"

namespace basin {
namespace {

// y (pixels, C) = table[c, x (pixels, C)]
void look_up(const std::uint8_t* x, std::int64_t pixels, std::int64_t channels, const float* table, float* y) {
  if (channels == 3) {
    const float *red = table, *green = table + kPixelLevels, *blue = table + 2 * kPixelLevels;
    for (std::int64_t i = 0; i < 3 * pixels; i += 3) {
      y[i] = red[x[i]];
      y[i + 1] = green[x[i + 1]];
      y[i + 2] = blue[x[i + 2]];
    }
    return;
  }
  for (std::int64_t i = 0; i < pixels; ++i)
    for (std::int64_t c = 0; c < channels; ++c) *y++ = table[c * kPixelLevels + *x++];
}

}  // namespace

std::vector<float> pixel_table(std::span<const float> mean, std::span<const float> deviation) {
  check(mean.size() == deviation.size(), "normalisation has ", mean.size(), " means and ", deviation.size(),
        " deviations");
  std::vector<float> table;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double m = mean[c], d = deviation[c];
    check(d > 0, "normalisation: deviation of channel ", c, " is ", d, ", expected a positive number");
    for (std::int64_t value = 0; value < kPixelLevels; ++value)
      table.push_back(static_cast<float>((static_cast<double>(value) / 255.0 - m) / d));
  }
  return table;
}

void normalize_image(const std::uint8_t* x, const ImageExtents& extents, const float* table, float* y) {
  look_up(x, extents.height * extents.width, extents.channels, table, y);
}

Random augmentation_random(std::uint64_t seed, std::int64_t epoch) {
  return {seed, random_stream("augmentation", static_cast<std::uint64_t>(epoch))};
}

Placement draw_placement(const Augmentation& augmentation, const Random& random, std::int64_t image) {
  constexpr std::uint64_t kDraws = 3;
  const std::uint64_t draw = static_cast<std::uint64_t>(image) * kDraws;
  const auto offset = [&](std::uint64_t index) {
    return static_cast<std::int64_t>(random.below(2 * augmentation.padding + 1, index)) - augmentation.padding;
  };
  return {offset(draw), offset(draw + 1), augmentation.flip && random.below(2, draw + 2) == 1};
}

void normalize_crop(const std::uint8_t* x, const ImageExtents& extents, const Placement& placement, const float* table,
                    float* y) {
  const auto [height, width, channels] = extents;
  const std::int64_t begin = std::clamp<std::int64_t>(-placement.left, 0, width);  // columns of the crop in the image
  const std::int64_t end = std::clamp<std::int64_t>(width - placement.left, begin, width);
  for (std::int64_t row = 0; row < height; ++row, y += width * channels) {
    const std::int64_t source = row + placement.top;
    if (source < 0 || source >= height) {
      std::fill_n(y, width * channels, 0.0f);
      continue;
    }
    std::fill_n(y, begin * channels, 0.0f);
    look_up(x + (source * width + begin + placement.left) * channels, end - begin, channels, table,
            y + begin * channels);
    std::fill_n(y + end * channels, (width - end) * channels, 0.0f);
    if (!placement.mirrored) continue;
    for (std::int64_t left = 0, right = width - 1; left < right; ++left, --right)
      std::swap_ranges(y + left * channels, y + (left + 1) * channels, y + right * channels);
  }
}

}  // namespace basin
