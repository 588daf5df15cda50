#include "landscape/amx/tile_map.h"

#include "landscape/amx/tiles.h"

namespace basin::amx {
namespace {

std::int32_t offset(const Layout& layout, std::int64_t image, std::int64_t y, std::int64_t x) {
  return static_cast<std::int32_t>(layout.at(image, y, x));
}

}  // namespace

TileMap map_tiles(std::int64_t height, std::int64_t width, std::int64_t images, std::int64_t least_span,
                  std::int64_t at_once) {
  TileMap map{.images = images, .span = std::max(images, least_span)};
  while (height * width * map.span / kTileRows % at_once != 0) map.span *= 2;
  const std::int64_t columns = kTileRows / images, lines = height % 4 == 0 ? 4 : 1;
  for (std::int64_t image = 0; image < map.span; image += images)
    for (std::int64_t y = 0; y < height; y += lines)
      for (std::int64_t x = 0; x < width; x += columns)
        for (std::int64_t line = 0; line < lines; ++line) map.tiles.push_back({image, y + line, x});
  return map;
}

Offsets input_tiles(const TileMap& map, const Layout& layout, std::int64_t stride, std::int64_t kernel) {
  const std::int64_t padding = kernel / 2;
  Offsets offsets;
  for (const TileCorner& tile : map.tiles)
    offsets.push_back(offset(layout, tile.image, tile.y * stride - padding, tile.x * stride - padding));
  return offsets;
}

Offsets output_tiles(const TileMap& map, const Layout& layout) {
  Offsets offsets;
  for (const TileCorner& tile : map.tiles) offsets.push_back(offset(layout, tile.image, tile.y, tile.x));
  return offsets;
}

Offsets output_rows(const TileMap& map, const Layout& layout) {
  Offsets offsets;
  for (std::int64_t m = 0; m < kTileRows; ++m)
    offsets.push_back(offset(layout, m % map.images, 0, m / map.images) - offset(layout, 0, 0, 0));
  return offsets;
}

}  // namespace basin::amx
