// How an activation lies in memory for the tile kernels.
#pragma once
#include <cstdint>

namespace basin::amx {

constexpr std::int64_t kNarrow = 16;  // channels that are not padded to 32: two positions fill a product's depth

// bf16 channels last, with a halo of zeros: (groups of images, parts, height + 2, columns, images of a group,
// channels). The images of a group are interleaved so that 16 positions in a row fill a tile where a line has fewer.
struct Layout {
  std::int64_t height = 0, width = 0;
  std::int64_t channels = 0;  // padded with zeros: 16, or a multiple of 32
  std::int64_t images = 1;    // of a group, a power of two
  bool split = false;         // even columns, then odd ones: for a convolution of stride 2 over interleaved images
  std::int64_t parts = 1;

  bool operator==(const Layout&) const = default;

  std::int64_t columns() const;
  // In bytes:
  std::int64_t position() const { return 2 * channels; }
  std::int64_t neighbour() const { return images * position(); }  // to the next column, where columns are not split
  std::int64_t line() const { return columns() * neighbour(); }
  std::int64_t part() const;  // from a value to its rest
  std::int64_t group() const { return parts * part(); }
  std::int64_t bytes(std::int64_t count) const;  // of `count` images
  // Byte of channel 0 at (image, y, x), y from -1 to height, x from -1 to width.
  std::int64_t at(std::int64_t image, std::int64_t y, std::int64_t x) const;
};

}  // namespace basin::amx
