#include "tools/bench/random_images.h"

#include "core/random.h"

namespace basin {

Images random_images(std::int64_t count) {
  Images images{.count = count, .pixels = {}, .labels = {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_size()));
  const Random random(1, 3);
  for (std::size_t i = 0; i < images.pixels.size(); i += 8) {  // eight pixels of one number, as there are many
    const std::uint64_t bits = random.bits(i / 8);
    for (std::size_t k = 0; k < 8; ++k) images.pixels[i + k] = static_cast<std::uint8_t>(bits >> (8 * k));
  }
  for (std::int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::int32_t>(i % 10));
  return images;
}

}  // namespace basin
