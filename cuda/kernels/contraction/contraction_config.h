// How a contraction is divided among blocks: a function of its shape alone, so that sums have one order.
#pragma once
#include <cstdint>

#include "core/shape.h"
#include "cuda/kernels/cost.h"

namespace basin::cuda {

// `groups` products (rows, inner) (inner, columns).
struct ContractionShape {
  std::int64_t rows, columns, inner, groups = 1;
};

struct ContractionConfig {
  int rows, columns;                  // of a block's part: 64 or 128, and 16, 32 or 64
  std::int64_t splits, split_extent;  // parts of the inner extent, each of so many but the last
};

// Throws Error where an extent is too large. (2^30)
void check_extents(const ContractionShape& shape, const char* name);

// For operands of `type` that are read in vectors, else for those read element by element. One part.
ContractionConfig contraction_config(const ContractionShape& shape, DType type, bool vectors);
// For few rows and columns and a long inner extent, as of weight gradients: parts, as many as keep a GPU busy, whose
// extents are multiples of a tile's. The parts do not depend on `vectors`.
ContractionConfig split_contraction_config(const ContractionShape& shape, bool vectors);
// Of matrix products: two kinds of blocks only, as there are three orders of operands.
ContractionConfig matmul_config(const ContractionShape& shape, DType type, bool vectors);

}  // namespace basin::cuda
