// Where a plan's activations lie in memory: buffers that are not alive together share it, so that the working set of a
// block of images stays in cache.
#pragma once
#include <cstdint>
#include <vector>

#include "core/plan.h"

namespace basin {

struct BufferLayout {
  // Offset of each buffer in elements for one image, a multiple of 16; -1 for the input, which lies elsewhere.
  std::vector<std::int64_t> offset;
  std::int64_t size = 0;  // elements an image
  // Per stage: its output takes the place of its residual, or of the input of an elementwise stage, which die there.
  std::vector<bool> in_place;
};

// Without `in_place` an output never takes the place of an operand.
BufferLayout lay_out(const Plan& plan, bool in_place = true);

}  // namespace basin
