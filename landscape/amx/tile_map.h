// Which output positions each tile of a convolution holds, and the byte offsets that follow from it.
#pragma once
#include <cstdint>
#include <vector>

#include "landscape/amx/layout.h"

namespace basin::amx {

using Offsets = std::vector<std::int32_t>;

// The 16 positions of a tile: (image + m % images, y, x + m / images), m = 0 ... 15.
struct TileCorner {
  std::int64_t image = 0, y = 0, x = 0;
};

struct TileMap {
  std::int64_t images = 1;  // interleaved in a tile
  std::int64_t span = 1;    // images after which the tables begin again
  // Within fours, tiles lie below each other where the height allows it.
  std::vector<TileCorner> tiles = {};
};

// The tiles of (height, width) outputs from an input that interleaves `images`; the span is a multiple of `least_span`
// (a power of two, as all numbers of images here are) and its tiles are one of `at_once`.
TileMap map_tiles(std::int64_t height, std::int64_t width, std::int64_t images, std::int64_t least_span,
                  std::int64_t at_once);

// Of what a kernel of size `kernel` with padding kernel / 2 reads first: (stride * y - padding, stride * x - padding).
Offsets input_tiles(const TileMap& map, const Layout& layout, std::int64_t stride, std::int64_t kernel);
Offsets output_tiles(const TileMap& map, const Layout& layout);  // of each tile's corner
Offsets output_rows(const TileMap& map, const Layout& layout);   // (16) from the corner to each position

}  // namespace basin::amx
