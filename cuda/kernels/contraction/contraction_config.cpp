#include "cuda/kernels/contraction/contraction_config.h"

#include <algorithm>

#include "core/error.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kManyBlocks = 256;  // about two for each multiprocessor of a large GPU

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The narrowest that holds them all, else the widest.
int block_columns(std::int64_t columns) { return columns <= 16 ? 16 : columns <= 32 ? 32 : 64; }

// The most. An f32 takes two registers as tf32: a block of 128 x 64 has too few for them.
int block_rows(DType type, int columns) { return type == DType::f32 && columns == 64 ? 64 : 128; }

bool many_blocks(const ContractionShape& shape, int columns) {
  return quotient_up(shape.rows, 128) * quotient_up(shape.columns, columns) * shape.groups >= kManyBlocks;
}

}  // namespace

void check_extents(const ContractionShape& shape, const char* name) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  check(shape.rows <= kMost && shape.columns <= kMost && shape.inner <= kMost, name, ": a product of ", shape.rows,
        " x ", shape.inner, " and ", shape.inner, " x ", shape.columns, " is too large");
}

ContractionConfig contraction_config(const ContractionShape& shape, DType type, bool vectors) {
  if (!vectors) return {64, 32, 1, shape.inner};
  const int columns = block_columns(shape.columns);
  return {many_blocks(shape, columns) ? block_rows(type, columns) : 64, columns, 1, shape.inner};
}

ContractionConfig split_contraction_config(const ContractionShape& shape, bool vectors) {
  constexpr std::int64_t kTile = 32, kLeast = 8 * kTile;  // a tile of halves, or two of floats; a part's least extent
  const int columns = block_columns(shape.columns);
  const std::int64_t blocks = quotient_up(shape.rows, 64) * quotient_up(shape.columns, columns) * shape.groups;
  const std::int64_t wanted = quotient_up(2 * kManyBlocks, std::max<std::int64_t>(blocks, 1));
  const std::int64_t parts = std::clamp<std::int64_t>(shape.inner / kLeast, 1, wanted);
  const std::int64_t extent = std::max(kTile, quotient_up(quotient_up(shape.inner, parts), kTile) * kTile);
  return {64, vectors ? columns : 32, std::max<std::int64_t>(1, quotient_up(shape.inner, extent)), extent};
}

ContractionConfig matmul_config(const ContractionShape& shape, DType type, bool vectors) {
  if (!vectors || !many_blocks(shape, 64)) return {64, 32, 1, shape.inner};
  return {block_rows(type, 64), 64, 1, shape.inner};
}

}  // namespace basin::cuda
