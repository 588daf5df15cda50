// Compiled for AVX2 and FMA: 16 registers of 8 lanes.
#include "landscape/vector/winograd_kernel.h"

namespace basin::vector {
namespace {

// Twelve sums, two weights and a broadcast fill the registers; strips of 16 tiles and more leave 4 or 2 over.
struct Multiply {
  static constexpr std::int64_t kPanel = 16;
  static void each(const float* values, const float* weights, std::int64_t channels, std::int64_t block,
                   float* products, std::int64_t tiles) {
    std::int64_t t = 0;
    for (; t + 6 <= tiles; t += 6)
      multiply<8, 6, 2>(values + t * kBlock, weights, channels, block, products + t * kBlock);
    for (; t + 4 <= tiles; t += 4)
      multiply<8, 4, 2>(values + t * kBlock, weights, channels, block, products + t * kBlock);
    for (; t < tiles; t += 2) multiply<8, 2, 2>(values + t * kBlock, weights, channels, block, products + t * kBlock);
  }
};

void convolve(const Convolution& c) { convolve_strips<8, Multiply>(c); }

}  // namespace

const Kernel kAvx2Kernel{.instructions = "AVX2", .panel = 16, .convolve = convolve};

}  // namespace basin::vector
