// Normalised images in blocks, as the CPU engines take them through a network.
#pragma once
#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace basin {

// Images in blocks of `block`; the partition depends on their count alone. What fits into kResidentBytes is normalised
// once and shared by all threads; larger sets are normalised block by block at each use.
class PreparedImages {
 public:
  static constexpr std::int64_t kResidentBytes = std::int64_t{1} << 30;

  // `images` outlives this object.
  PreparedImages(const Images& images, const Normalization& normalization, std::int64_t block,
                 std::int64_t resident_bytes = kResidentBytes);

  std::int64_t count() const { return images_->count; }
  std::int64_t blocks() const { return (count() + block_ - 1) / block_; }
  std::int64_t first_of(std::int64_t block) const { return block * block_; }
  std::int64_t count_of(std::int64_t block) const;  // `block_` but for the last one
  std::int32_t label(std::int64_t image) const { return images_->labels[static_cast<std::size_t>(image)]; }

  // (block, H, W, C); rows beyond the last image are zero. Valid until the next call with the same scratch.
  const float* block(std::int64_t index, std::vector<float>& scratch) const;

  // No normalised pixel is larger in absolute value.
  double bound() const { return bound_; }

 private:
  void normalize_block(std::int64_t index, float* y) const;

  const Images* images_;
  Normalization normalization_;
  std::int64_t block_;
  double bound_ = 0;
  std::vector<float> resident_;  // all blocks, or empty
};

}  // namespace basin
