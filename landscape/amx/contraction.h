// Convolutions and linear layers as products of tiles: 16 output positions times 16 output channels, depth 32.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace basin::amx {

// How many bf16 values stand for one number.
enum class Parts : std::uint8_t {
  one,  // rounded to bf16
  two,  // the rounded value and its rest, rounded: 16 bits of mantissa; the product of two rests is left out
};

// An activation as the tiles of one contraction see it. The 16 positions of tile t of group g lie at
// base + g * group + tiles[t] + step + (0 ... 15) * row; 64 bytes are read at each. All offsets are in bytes.
struct Input {
  const std::byte* base = nullptr;
  std::ptrdiff_t low = 0;    // from a value to its rest
  std::ptrdiff_t group = 0;  // from one group of images to the next
  std::ptrdiff_t line = 0;   // from a position to the one below it
  std::ptrdiff_t row = 0;    // from one position of a tile to the next
  const std::int32_t* tiles = nullptr;
  std::span<const std::int32_t> steps = {};  // one a product of depth 32
};

// Where the positions of a tile are written: base + g * group + tiles[t] + rows[m].
struct Output {
  std::byte* base = nullptr;
  std::ptrdiff_t low = 0, group = 0;
  const std::int32_t* tiles = nullptr;
  const std::int32_t* rows = nullptr;  // (16)
};

// y[m, n] = relu?(sum over inputs and steps of x * w + shift[n] + residual[m, n]?)
struct Contraction {
  std::span<const Input> inputs;
  const std::byte* weights = nullptr;  // in the order stated at each kernel
  const float* shift = nullptr;        // (channels)
  Output output;
  const Output* residual = nullptr;  // is read; may be the output
  bool relu = false;
  std::int64_t groups = 0;  // of images
  std::int64_t tiles = 0;   // a group
  std::int64_t channels = 0;
};

// The parts of what is read and of what is written (and of the residual) are equal but for the first convolution, which
// reads an image's values and rests side by side as if they were one part.

// Any channels that are a multiple of 32, tiles a multiple of 2.
// Weights (channels / 32, steps of all inputs, input parts, 2) tiles.
// Cost: 8 tile loads for 12 products with two parts, 4 for 4 with one.
void contract_32(const Contraction& contraction, Parts input, Parts output);

// 16 channels from one part, tiles a multiple of 4, one input, no residual. Weights (steps) tiles.
// Cost: 5 tile loads for 4 products.
void contract_16(const Contraction& contraction, Parts output);

// 16 channels, 3 x 3, stride 1, one input. Tiles 4 i ... 4 i + 3 lie below each other, one line apart, so that a tile
// read once serves three of them. `steps` are those of one kernel row. Weights (steps, parts, 3 kernel rows) tiles.
// Cost: 24 tile loads for 36 products with two parts, 9 for 12 with one.
void contract_16_rows(const Contraction& contraction, Parts parts);

}  // namespace basin::amx
