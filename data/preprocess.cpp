#include "data/preprocess.h"

#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace basin {
namespace {

ImageExtents extents_of(const Images& images) { return {images.height, images.width, images.channels}; }

std::vector<float> table_of(const Images& images, const Normalization& normalization) {
  const auto channels = static_cast<std::size_t>(images.channels);
  check(normalization.mean.size() == channels && normalization.deviation.size() == channels, "normalisation has ",
        normalization.mean.size(), " means and ", normalization.deviation.size(), " deviations, expected ", channels,
        " of each: one a channel");
  return pixel_table(normalization.mean, normalization.deviation);
}

const std::uint8_t* image_pixels(const Images& images, std::int64_t index) {
  check(index >= 0 && index < images.count, "image index ", index, " is outside the ", images.count, " images");
  return images.pixels.data() + index * images.image_size();
}

}  // namespace

void normalize(const Images& images, const Normalization& normalization, std::span<const std::int64_t> indices,
               float* y) {
  const std::vector<float> table = table_of(images, normalization);
  for (const std::int64_t index : indices) {
    normalize_image(image_pixels(images, index), extents_of(images), table.data(), y);
    y += images.image_size();
  }
}

void normalize(const Images& images, const Normalization& normalization, std::int64_t begin, std::int64_t end,
               float* y) {
  check(begin >= 0 && begin <= end && end <= images.count, "images [", begin, ", ", end, ") are outside the ",
        images.count, " images");
  const std::vector<float> table = table_of(images, normalization);
  for (std::int64_t index = begin; index < end; ++index) {
    normalize_image(image_pixels(images, index), extents_of(images), table.data(), y);
    y += images.image_size();
  }
}

void augment(const Images& images, const Normalization& normalization, const Augmentation& augmentation,
             std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices, float* y) {
  check(augmentation.padding >= 0, "augmentation: padding is ", augmentation.padding, ", expected at least 0");
  const std::vector<float> table = table_of(images, normalization);
  const Random random = augmentation_random(seed, epoch);
  for (const std::int64_t index : indices) {
    const Placement placement = draw_placement(augmentation, random, index);
    normalize_crop(image_pixels(images, index), extents_of(images), placement, table.data(), y);
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
