// Which stages of a plan run on tiles, and how their activations lie in memory.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "landscape/amx/layout.h"
#include "models/plan.h"

namespace basin::amx {

// What executes a stage.
enum class Kernel : std::uint8_t {
  stem,          // 3x3 convolution of the images
  tiles,         // 3x3 or 1x1 convolution
  max_pool,      // 2x2
  average_pool,  // over the whole activation
  plain,         // anything, over float32 activations
};

struct Placement {
  std::vector<Kernel> kernels;                 // of each stage
  std::vector<std::optional<Layout>> layouts;  // of each buffer that a tile kernel, stem or max_pool reads or writes
};

Placement place(const Plan& plan, const State& state, std::int64_t parts);

// Of the plan's multiply-adds, those that run on tiles; 0 to 1. What plain stages read and write counts as work too.
double share_on_tiles(const Plan& plan, const State& state);

}  // namespace basin::amx
