// Where the weights of a network at a point lie: for each grid point one blob, in the order in which kernels read it.
#pragma once
#include <cstdint>
#include <vector>

namespace basin::cuda {

// A channel of a stage: where its folded shift belongs.
struct BlobChannel {
  int stage = -1;  // of the plan
  std::int64_t index = 0;
};
// Element `element` of the folded weight of the stage that has channel `channel`, an index into BlobLayout::channels;
// kPadding: zero.
struct BlobWeight {
  static constexpr std::int32_t kPadding = -1;
  std::int32_t channel = kPadding;
  std::int32_t element = 0;
};

// The extents of a blob: weights in the arithmetic of the contractions, f32 weights, f32 shifts, zeros to a multiple of
// 16 bytes. Places are in words of 4 bytes.
struct BlobExtents {
  std::int64_t weights = 0, floats = 0, channels = 0;
  std::int64_t weight_bytes = 2;  // 2 or 4

  std::int64_t float_word() const { return weights * weight_bytes / 4; }
  std::int64_t shift_word() const { return float_word() + floats; }
  std::int64_t words() const { return (shift_word() + channels + 3) / 4 * 4; }
};

struct BlobLayout {
  std::vector<BlobWeight> weights, floats;  // each a multiple of 16 bytes: threads take four elements
  std::vector<BlobChannel> channels;
  std::int64_t weight_bytes = 2;

  BlobExtents extents() const {
    return {static_cast<std::int64_t>(weights.size()), static_cast<std::int64_t>(floats.size()),
            static_cast<std::int64_t>(channels.size()), weight_bytes};
  }
};

}  // namespace basin::cuda
