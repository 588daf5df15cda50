#include "landscape/amx/layout.h"

#include <bit>

namespace basin::amx {

std::int64_t Layout::columns() const {
  // With 16 channels a product reads two positions, so that the last one of a line reads one behind the halo; the first
  // column is then written on a cache line.
  if (channels == kNarrow) return width + 4;
  return split ? (width + 3) / 2 * 2 : width + 2;
}

std::int64_t Layout::part() const { return ((height + 2) * line() + 63) / 64 * 64; }

std::int64_t Layout::bytes(std::int64_t count) const { return (count + images - 1) / images * group(); }

std::int64_t Layout::at(std::int64_t image, std::int64_t y, std::int64_t x) const {
  std::int64_t column = x + (channels == kNarrow ? 2 : 1);
  if (split) column = column % 2 * (columns() / 2) + column / 2;
  const int shift = std::countr_zero(static_cast<std::uint64_t>(images));
  return (image >> shift) * group() + (y + 1) * line() + (column * images + (image & (images - 1))) * position();
}

}  // namespace basin::amx
