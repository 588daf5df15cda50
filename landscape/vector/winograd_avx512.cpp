// Compiled for AVX-512: 32 registers of 16 lanes.
#include "landscape/vector/winograd_kernel.h"

namespace basin::vector {
namespace {

template <int kTiles, int kVectors>
struct Multiply {
  static constexpr std::int64_t kPanel = 16 * kVectors;
  static void each(const float* values, const float* weights, std::int64_t channels, std::int64_t block,
                   float* products, std::int64_t tiles) {
    for (std::int64_t t = 0; t < tiles; t += kTiles)
      multiply<16, kTiles, kVectors>(values + t * kBlock, weights, channels, block, products + t * kBlock);
  }
};

// Sixteen sums hide the latency of a product, and two vectors of filters share each broadcast where there are two.
void convolve(const Convolution& c) {
  if (c.sizes.filters % 32 == 0)
    convolve_strips<16, Multiply<8, 2>>(c);
  else
    convolve_strips<16, Multiply<16, 1>>(c);
}

}  // namespace

const Kernel kAvx512Kernel{.instructions = "AVX-512", .panel = 32, .convolve = convolve};

}  // namespace basin::vector
