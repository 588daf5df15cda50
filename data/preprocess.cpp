#include "data/preprocess.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace basin {
namespace {

// The normalised value of each of the 256 pixel values of each channel: exact to one rounding, and the same bits
// whichever path reads it.
using ChannelTable = std::array<float, 256>;

std::vector<ChannelTable> channel_tables(const Images& images, const Normalization& normalization) {
  const auto channels = static_cast<std::size_t>(images.channels);
  check(normalization.mean.size() == channels && normalization.deviation.size() == channels, "normalisation has ",
        normalization.mean.size(), " means and ", normalization.deviation.size(), " deviations, expected ", channels,
        " of each: one a channel");
  std::vector<ChannelTable> tables(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = normalization.mean[c], deviation = normalization.deviation[c];
    check(deviation > 0, "normalisation: deviation of channel ", c, " is ", deviation, ", expected a positive number");
    for (int value = 0; value < 256; ++value) tables[c][value] = static_cast<float>((value / 255.0 - mean) / deviation);
  }
  return tables;
}

const std::uint8_t* image_pixels(const Images& images, std::int64_t index) {
  check(index >= 0 && index < images.count, "image index ", index, " is outside the ", images.count, " images");
  return images.pixels.data() + index * images.image_size();
}

// y (pixels, C) = tables[c][x (pixels, C)]
void look_up(const std::uint8_t* x, std::int64_t pixels, const std::vector<ChannelTable>& tables, float* y) {
  if (tables.size() == 3) {
    const ChannelTable &red = tables[0], &green = tables[1], &blue = tables[2];
    for (std::int64_t i = 0; i < 3 * pixels; i += 3) {
      y[i] = red[x[i]];
      y[i + 1] = green[x[i + 1]];
      y[i + 2] = blue[x[i + 2]];
    }
    return;
  }
  for (std::int64_t i = 0; i < pixels; ++i)
    for (const ChannelTable& table : tables) *y++ = table[*x++];
}

struct Placement {
  std::int64_t top, left;  // where the crop begins, relative to the image: in [-padding, padding]
  bool mirrored;
};

Placement place(const Augmentation& augmentation, const Random& random, std::int64_t image) {
  constexpr std::uint64_t kDraws = 3;
  const std::uint64_t draw = static_cast<std::uint64_t>(image) * kDraws;
  const auto offset = [&](std::uint64_t index) {
    return static_cast<std::int64_t>(random.below(2 * augmentation.padding + 1, index)) - augmentation.padding;
  };
  return {offset(draw), offset(draw + 1), augmentation.flip && random.below(2, draw + 2) == 1};
}

// One image x (H, W, C) to y (H, W, C): crop, then mirror; zero outside the image.
void crop(const Images& images, const std::uint8_t* x, const Placement& placement,
          const std::vector<ChannelTable>& tables, float* y) {
  const std::int64_t height = images.height, width = images.width, channels = images.channels;
  const std::int64_t begin = std::clamp<std::int64_t>(-placement.left, 0, width);  // columns of the crop in the image
  const std::int64_t end = std::clamp<std::int64_t>(width - placement.left, begin, width);
  for (std::int64_t row = 0; row < height; ++row, y += width * channels) {
    const std::int64_t source = row + placement.top;
    if (source < 0 || source >= height) {
      std::fill_n(y, width * channels, 0.0f);
      continue;
    }
    std::fill_n(y, begin * channels, 0.0f);
    look_up(x + (source * width + begin + placement.left) * channels, end - begin, tables, y + begin * channels);
    std::fill_n(y + end * channels, (width - end) * channels, 0.0f);
    if (!placement.mirrored) continue;
    for (std::int64_t left = 0, right = width - 1; left < right; ++left, --right)
      std::swap_ranges(y + left * channels, y + (left + 1) * channels, y + right * channels);
  }
}

}  // namespace

void normalize(const Images& images, const Normalization& normalization, std::span<const std::int64_t> indices,
               float* y) {
  const auto tables = channel_tables(images, normalization);
  for (const std::int64_t index : indices) {
    look_up(image_pixels(images, index), images.height * images.width, tables, y);
    y += images.image_size();
  }
}

void normalize(const Images& images, const Normalization& normalization, std::int64_t begin, std::int64_t end,
               float* y) {
  check(begin >= 0 && begin <= end && end <= images.count, "images [", begin, ", ", end, ") are outside the ",
        images.count, " images");
  const auto tables = channel_tables(images, normalization);
  look_up(images.pixels.data() + begin * images.image_size(), (end - begin) * images.height * images.width, tables, y);
}

void augment(const Images& images, const Normalization& normalization, const Augmentation& augmentation,
             std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices, float* y) {
  check(augmentation.padding >= 0, "augmentation: padding is ", augmentation.padding, ", expected at least 0");
  const auto tables = channel_tables(images, normalization);
  const Random random(seed, random_stream("augmentation", static_cast<std::uint64_t>(epoch)));
  for (const std::int64_t index : indices) {
    crop(images, image_pixels(images, index), place(augmentation, random, index), tables, y);
    y += images.image_size();
  }
}

std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  check(count >= 0, "shuffled: count is ", count, ", expected at least 0");
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const Random random(seed, random_stream("shuffle", static_cast<std::uint64_t>(epoch)));
  for (std::int64_t i = count - 1; i > 0; --i)  // Fisher and Yates
    std::swap(order[i], order[random.below(static_cast<std::uint64_t>(i) + 1, static_cast<std::uint64_t>(i))]);
  return order;
}

}  // namespace basin
