// The weights of a contraction in the order its kernel reads them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "landscape/amx/contraction.h"

namespace basin::amx {

// Where the 32 weights of one product's depth lie: `offset` floats behind the filter's first, `count` of them (the rest
// of the depth is zero).
struct DepthSlice {
  std::int32_t offset = 0, count = 0;
};

// Sixteen filters, `stride` floats apart, of which the first `filters` exist (the rest is zero) -> one tile
// (16 pairs of depth, 16 filters, 2) of bf16, or two: the values, then the rests `low` bytes further.
void pack_tile(const float* weights, std::int64_t filters, std::int64_t stride, DepthSlice slice, Parts parts,
               std::byte* tile, std::ptrdiff_t low);

// Rounds weights (filters, taps, channels) in place to what the parts can hold, so that the errors of one filter nearly
// cancel: each error is carried to the same channel's next tap, then to the channel 16 further (error diffusion, Floyd
// and Steinberg 1976). Activations behind a relu have large means, against which independent errors would add up to a
// wrong gain of the layer; in a deep network without shortcuts these multiply.
void diffuse_rounding(float* weights, std::int64_t filters, std::int64_t taps, std::int64_t channels, Parts parts);

}  // namespace basin::amx
