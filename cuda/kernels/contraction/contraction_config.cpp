#include "cuda/kernels/contraction/contraction_config.h"

#include <algorithm>

#include "core/error.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kManyBlocks = 256;  // about two for each multiprocessor of a large GPU

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The narrowest that holds them all, else the widest.
int block_columns(std::int64_t columns) { return columns <= 16 ? 16 : columns <= 32 ? 32 : 64; }

}  // namespace

void check_extents(const ContractionShape& shape, const char* name) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  check(shape.rows <= kMost && shape.columns <= kMost && shape.inner <= kMost, name, ": a product of ", shape.rows,
        " x ", shape.inner, " and ", shape.inner, " x ", shape.columns, " is too large");
}

ContractionConfig contraction_config(const ContractionShape& shape, bool vectors) {
  if (!vectors) return {64, 32, 1, shape.inner};
  const int columns = block_columns(shape.columns);
  const std::int64_t blocks = quotient_up(shape.rows, 128) * quotient_up(shape.columns, columns) * shape.groups;
  return {blocks >= kManyBlocks ? 128 : 64, columns, 1, shape.inner};
}

ContractionConfig split_contraction_config(const ContractionShape& shape, bool vectors) {
  constexpr std::int64_t kUnit = 256;  // a part's least extent: 8 tiles of halves, 16 of floats
  const int columns = block_columns(shape.columns);
  const std::int64_t blocks = quotient_up(shape.rows, 64) * quotient_up(shape.columns, columns) * shape.groups;
  const std::int64_t most = std::max<std::int64_t>(1, shape.inner / kUnit);
  const std::int64_t wanted =
      std::clamp<std::int64_t>(quotient_up(2 * kManyBlocks, std::max<std::int64_t>(1, blocks)), 1, most);
  const std::int64_t extent = std::max(kUnit, quotient_up(quotient_up(shape.inner, wanted), kUnit) * kUnit);
  return {64, vectors ? columns : 32, std::max<std::int64_t>(1, quotient_up(shape.inner, extent)), extent};
}

}  // namespace basin::cuda
