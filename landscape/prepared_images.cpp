#include "landscape/prepared_images.h"

#include <algorithm>

#include "data/preprocess.h"

namespace basin {

PreparedImages::PreparedImages(const Images& images, const Normalization& normalization, std::int64_t block,
                               ImagePacking packing, std::int64_t resident_bytes)
    : images_(&images), normalization_(normalization), block_(block), packing_(std::move(packing)) {
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    const double mean = normalization.mean[c];
    bound_ = std::max(bound_, 1.01 * std::max(mean, 1 - mean) / static_cast<double>(normalization.deviation[c]));
  }
  if (!packing_.pack) packing_.bytes = block * images.image_size() * static_cast<std::int64_t>(sizeof(float));
  constexpr auto kLine = static_cast<std::int64_t>(sizeof(CacheLine));
  lines_ = static_cast<std::size_t>((packing_.bytes + kLine - 1) / kLine);
  const std::size_t lines = static_cast<std::size_t>(blocks()) * lines_;
  if (static_cast<std::int64_t>(lines) * kLine > resident_bytes) return;
  resident_.resize(lines);
  std::vector<float> scratch;
  for (std::int64_t i = 0; i < blocks(); ++i)
    prepare(i, scratch, resident_.data() + static_cast<std::size_t>(i) * lines_);
}

std::int64_t PreparedImages::count_of(std::int64_t block) const { return std::min(block_, count() - first_of(block)); }

const std::byte* PreparedImages::block(std::int64_t index, ImageScratch& scratch) const {
  if (!resident_.empty()) return resident_[static_cast<std::size_t>(index) * lines_].bytes;
  scratch.packed.resize(lines_);
  prepare(index, scratch.normalized, scratch.packed.data());
  return scratch.packed.front().bytes;
}

void PreparedImages::normalized(std::int64_t first, std::int64_t count, std::int64_t rows,
                                std::vector<float>& y) const {
  y.resize(static_cast<std::size_t>(rows * images_->image_size()));
  normalize_rows(first, count, rows, y.data());
}

void PreparedImages::prepare(std::int64_t index, std::vector<float>& scratch, CacheLine* packed) const {
  const std::int64_t first = first_of(index), count = count_of(index);
  if (!packing_.pack) return normalize_rows(first, count, block_, reinterpret_cast<float*>(packed));
  normalized(first, count, block_, scratch);
  packing_.pack(scratch.data(), packed->bytes);
}

void PreparedImages::normalize_rows(std::int64_t first, std::int64_t count, std::int64_t rows, float* y) const {
  const std::int64_t size = images_->image_size();
  normalize(*images_, normalization_, first, first + count, y);
  std::fill(y + count * size, y + rows * size, 0.0F);
}

}  // namespace basin
