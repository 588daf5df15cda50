// Where activations and tiles lie. Runs on any processor: nothing here is a tile kernel.
#include "landscape/amx/layout.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <vector>

#include "landscape/amx/tile_map.h"

namespace basin::amx {
namespace {

constexpr std::int64_t kPositions = 16;  // of a tile

struct Extent {
  std::int64_t height, width;
};

// Outputs of CIFAR's 32 x 32 at every stride, of MNIST's 28 x 28, and strange ones.
constexpr Extent kExtents[] = {{32, 32}, {16, 16}, {8, 8}, {4, 4},   {2, 2},  {1, 1},
                               {28, 28}, {14, 14}, {7, 7}, {48, 48}, {3, 16}, {5, 12}};

std::int64_t interleaved(std::int64_t width) { return kPositions / std::gcd(kPositions, width); }

std::vector<Layout> layouts() {
  std::vector<Layout> result;
  for (const auto [height, width] : kExtents)
    for (const std::int64_t channels : {16, 32, 96})
      for (const std::int64_t images : {1, 2, 16})
        for (const bool split : {false, true})
          for (const std::int64_t parts : {1, 2}) {
            if (channels == 16 && (images > 1 || split)) continue;  // sixteen channels are never interleaved
            result.push_back({height, width, channels, images, split, parts});
          }
  return result;
}

TEST(AmxLayout, EveryPositionHasItsOwnBytes) {
  for (const Layout& layout : layouts()) {
    const std::int64_t count = layout.images + 1;  // a second group, not full
    std::vector<std::int64_t> offsets;
    for (std::int64_t n = 0; n < count; ++n)
      for (std::int64_t y = -1; y <= layout.height; ++y)
        for (std::int64_t x = -1; x <= layout.width; ++x) {
          const std::int64_t at = layout.at(n, y, x), in_group = at % layout.group();
          offsets.push_back(at);
          // A position's values, and its rests behind those of all positions.
          ASSERT_LE(in_group + layout.position(), layout.part());
          ASSERT_LE(at + (layout.parts - 1) * layout.part() + layout.position(), layout.bytes(count));
        }
    std::sort(offsets.begin(), offsets.end());
    ASSERT_GE(offsets.front(), 0);
    for (std::size_t i = 1; i < offsets.size(); ++i) ASSERT_GE(offsets[i] - offsets[i - 1], layout.position());
    EXPECT_EQ(layout.part() % 64, 0);
  }
}

TEST(AmxLayout, NeighboursAreAStepApart) {
  for (const Layout& layout : layouts())
    for (std::int64_t n = 0; n < layout.images; ++n)
      for (std::int64_t y = -1; y < layout.height; ++y)
        for (std::int64_t x = -1; x < layout.width; ++x) {
          ASSERT_EQ(layout.at(n, y + 1, x) - layout.at(n, y, x), layout.line());
          ASSERT_EQ(layout.at(n + layout.images, y, x) - layout.at(n, y, x), layout.group());
          // Of split columns every second one is the neighbour.
          const std::int64_t next = layout.split ? 2 : 1;
          if (x + next > layout.width) continue;
          ASSERT_EQ(layout.at(n, y, x + next) - layout.at(n, y, x), layout.neighbour());
        }
}

TEST(AmxLayout, SixteenChannelsBeginOnCacheLinesAndEndInTheHalo) {
  const Layout layout{.height = 8, .width = 32, .channels = 16};
  for (std::int64_t y = 0; y < 8; ++y) {
    EXPECT_EQ(layout.at(0, y, 0) % 64, 0);
    // A product over two columns from the halo's column on stays in its line.
    EXPECT_LE(layout.at(0, y, 32) + 64, layout.at(0, y + 1, -1));
  }
}

TEST(AmxTileMap, CoversEveryOutputOfASpanOnce) {
  for (const auto [height, width] : kExtents)
    for (const std::int64_t least_span : {1, 2, 8, 16})
      for (const std::int64_t at_once : {2, 4}) {
        const std::int64_t images = interleaved(width);
        const TileMap map = map_tiles(height, width, images, least_span, at_once);
        SCOPED_TRACE(testing::Message() << height << " x " << width << ", span " << map.span);
        EXPECT_EQ(map.images, images);
        EXPECT_EQ(map.span % images, 0);
        EXPECT_EQ(map.span % least_span, 0);
        EXPECT_LE(map.span, std::max(at_once * images, least_span * at_once));
        EXPECT_EQ(static_cast<std::int64_t>(map.tiles.size()) % at_once, 0);
        std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, int> times;
        for (const TileCorner& tile : map.tiles)
          for (std::int64_t m = 0; m < kPositions; ++m) ++times[{tile.image + m % images, tile.y, tile.x + m / images}];
        EXPECT_EQ(static_cast<std::int64_t>(times.size()), map.span * height * width);
        for (const auto& [position, count] : times) {
          const auto [image, y, x] = position;
          ASSERT_TRUE(count == 1 && image >= 0 && image < map.span && y >= 0 && y < height && x >= 0 && x < width);
        }
      }
}

TEST(AmxTileMap, FoursLieBelowEachOther) {
  for (const auto [height, width] : kExtents) {
    if (height % 4 != 0) continue;
    const TileMap map = map_tiles(height, width, interleaved(width), 1, 4);
    for (std::size_t t = 0; t < map.tiles.size(); ++t) {
      const TileCorner &first = map.tiles[t / 4 * 4], &own = map.tiles[t];
      EXPECT_EQ(std::tuple(own.image, own.y, own.x),
                std::tuple(first.image, first.y + static_cast<std::int64_t>(t % 4), first.x));
    }
  }
}

// The 16 rows of a tile are read at one distance, whatever tap of the kernel it is: what a tile instruction can do.
TEST(AmxTileMap, RowsOfATileAreAtOneDistance) {
  for (const auto [height, width] : kExtents)
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t kernel : {1, 3}) {
        const std::int64_t images = interleaved(width), padding = kernel / 2;
        const Layout x{.height = stride * height,
                       .width = stride * width,
                       .channels = 32,
                       .images = images,
                       .split = stride == 2 && images > 1};
        const TileMap map = map_tiles(height, width, images, 1, 2);
        const Offsets tiles = input_tiles(map, x, stride, kernel);
        ASSERT_EQ(tiles.size(), map.tiles.size());
        const std::int64_t row = x.position() * (x.split ? 1 : stride);
        for (std::int64_t r = 0; r < kernel; ++r)
          for (std::int64_t s = 0; s < kernel; ++s) {
            const std::int64_t step = x.at(0, r - padding, s - padding) - x.at(0, -padding, -padding);
            for (std::size_t t = 0; t < tiles.size(); ++t)
              for (std::int64_t m = 0; m < kPositions; ++m) {
                const TileCorner& tile = map.tiles[t];
                ASSERT_EQ(tiles[t] + step + m * row, x.at(tile.image + m % images, tile.y * stride + r - padding,
                                                          (tile.x + m / images) * stride + s - padding))
                    << height << " x " << width << ", stride " << stride << ", tap " << r << ' ' << s;
              }
          }
      }
}

// Outputs may interleave more or fewer images than the input does, and be split for what reads them next.
TEST(AmxTileMap, OutputsFindTheirPlaceInEveryLayout) {
  for (const auto [height, width] : kExtents) {
    const std::int64_t images = interleaved(width);
    std::vector<Layout> outputs{{.height = height, .width = width, .channels = 32, .images = images}};
    if (width % 2 == 0)
      outputs.push_back({.height = height,
                         .width = width,
                         .channels = 32,
                         .images = interleaved(width / 2),
                         .split = interleaved(width / 2) > 1});
    if (images == 1) outputs.push_back({.height = height, .width = width, .channels = 16});
    for (const Layout& y : outputs) {
      const TileMap map = map_tiles(height, width, images, y.images, 2);
      const Offsets tiles = output_tiles(map, y), rows = output_rows(map, y);
      ASSERT_EQ(rows.size(), static_cast<std::size_t>(kPositions));
      for (std::size_t t = 0; t < tiles.size(); ++t)
        for (std::int64_t m = 0; m < kPositions; ++m) {
          const TileCorner& tile = map.tiles[t];
          ASSERT_EQ(tiles[t] + rows[static_cast<std::size_t>(m)],
                    y.at(tile.image + m % images, tile.y, tile.x + m / images))
              << height << " x " << width << ", tile " << t << ", row " << m;
        }
    }
  }
}

}  // namespace
}  // namespace basin::amx
