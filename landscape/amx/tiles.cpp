#include "landscape/amx/tiles.h"

namespace basin::amx {
namespace {

// The operand of ldtilecfg, palette 1.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

}  // namespace

void configure_tiles() {
  Configuration configuration;
  for (int tile = 0; tile < 8; ++tile) {
    configuration.row_bytes[tile] = kRowBytes;
    configuration.rows[tile] = kTileRows;
  }
  asm volatile("ldtilecfg %0" : : "m"(configuration));
}

void release_tiles() { asm volatile("tilerelease"); }

}  // namespace basin::amx
