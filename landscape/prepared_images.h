// Normalised images in blocks, in the layout in which an engine takes them through a network.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "data/dataset.h"

namespace basin {

// How an engine wants a block of images: packed once, read at every point.
struct ImagePacking {
  std::int64_t bytes = 0;  // of a packed block
  // normalized (block, H, W, C) -> packed, 64-byte aligned. Empty: the floats as they are.
  std::function<void(const float* normalized, std::byte* packed)> pack;
};

struct alignas(64) CacheLine {
  std::byte bytes[64];
};

// The memory of one thread for blocks that are packed at each use.
struct ImageScratch {
  std::vector<float> normalized;
  std::vector<CacheLine> packed;
};

// Images in blocks of `block`; the partition depends on their count alone. What fits into kResidentBytes is normalised
// and packed once and shared by all threads; larger sets are prepared block by block at each use.
class PreparedImages {
 public:
  static constexpr std::int64_t kResidentBytes = std::int64_t{1} << 30;

  // `images` outlives this object.
  PreparedImages(const Images& images, const Normalization& normalization, std::int64_t block,
                 ImagePacking packing = {}, std::int64_t resident_bytes = kResidentBytes);

  std::int64_t count() const { return images_->count; }
  std::int64_t blocks() const { return (count() + block_ - 1) / block_; }
  std::int64_t first_of(std::int64_t block) const { return block * block_; }
  std::int64_t count_of(std::int64_t block) const;  // `block_` but for the last one
  std::int32_t label(std::int64_t image) const { return images_->labels[static_cast<std::size_t>(image)]; }

  // The packed block, 64-byte aligned; images beyond the last one are zero. Valid until the next call with the same
  // scratch.
  const std::byte* block(std::int64_t index, ImageScratch& scratch) const;

  // Images [first, first + count) as floats, then zeros: y (rows, H, W, C). Made from the pixels at each call.
  void normalized(std::int64_t first, std::int64_t count, std::int64_t rows, std::vector<float>& y) const;

  // No normalised pixel is larger in absolute value.
  double bound() const { return bound_; }

 private:
  // `normalized` is scratch memory for a packing.
  void prepare(std::int64_t index, std::vector<float>& normalized, CacheLine* packed) const;
  void normalize_rows(std::int64_t first, std::int64_t count, std::int64_t rows, float* y) const;

  const Images* images_;
  Normalization normalization_;
  std::int64_t block_;
  ImagePacking packing_;
  std::size_t lines_ = 0;  // of a packed block
  double bound_ = 0;
  std::vector<CacheLine> resident_;  // all blocks, or empty
};

}  // namespace basin
