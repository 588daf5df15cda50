#include "landscape/prepared_images.h"

#include <algorithm>

#include "data/preprocess.h"

namespace basin {

PreparedImages::PreparedImages(const Images& images, const Normalization& normalization, std::int64_t block,
                               std::int64_t resident_bytes)
    : images_(&images), normalization_(normalization), block_(block) {
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    const double mean = normalization.mean[c];
    bound_ = std::max(bound_, 1.01 * std::max(mean, 1 - mean) / static_cast<double>(normalization.deviation[c]));
  }
  const std::int64_t values = blocks() * block_ * images.image_size();
  if (values * static_cast<std::int64_t>(sizeof(float)) > resident_bytes) return;
  resident_.resize(static_cast<std::size_t>(values));
  for (std::int64_t i = 0; i < blocks(); ++i) normalize_block(i, resident_.data() + first_of(i) * images.image_size());
}

std::int64_t PreparedImages::count_of(std::int64_t block) const { return std::min(block_, count() - first_of(block)); }

const float* PreparedImages::block(std::int64_t index, std::vector<float>& scratch) const {
  if (!resident_.empty()) return resident_.data() + first_of(index) * images_->image_size();
  scratch.resize(static_cast<std::size_t>(block_ * images_->image_size()));
  normalize_block(index, scratch.data());
  return scratch.data();
}

void PreparedImages::normalize_block(std::int64_t index, float* y) const {
  const std::int64_t first = first_of(index), count = count_of(index), size = images_->image_size();
  normalize(*images_, normalization_, first, first + count, y);
  std::fill(y + count * size, y + block_ * size, 0.0F);
}

}  // namespace basin
