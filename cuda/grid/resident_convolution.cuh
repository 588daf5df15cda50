// 3x3 convolutions of an image in shared memory on tensor cores: rows of A are pixels, columns of B output channels.
#pragma once
#include "cuda/grid/pairs.cuh"
#include "cuda/grid/resident_image.cuh"

namespace basin::cuda {

template <class Input_, class Output_>
struct Convolution3x3 {
  using Input = Input_;
  using Output = Output_;
  static constexpr int kStride = Input::kExtent / Output::kExtent;
  static constexpr int kInputTiles = Input::kChannels / 16, kOutputTiles = Output::kChannels / 16;
  // A warp computes 16 channels of kRows tiles of 16 pixels, in registers; all warps together one or two such units.
  static constexpr bool kHalfRows = Output::kExtent == 8;  // a tile is half of a row and half of the row 4 below
  static constexpr int kRows = kHalfRows ? 4 : 8;
  static constexpr int kUnits = Output::kExtent * Output::kExtent / (16 * kRows) * kOutputTiles;
  static_assert(kUnits % kImageWarps == 0 && kImageWarps % kOutputTiles == 0);
};

// What is added before the relu.
enum class Residual : std::uint8_t {
  none,
  in_place,   // what is where the output goes
  projection  // a 1x1 convolution of the block's input, which has half the channels and twice the extent
};

constexpr int kFragmentWords = 32 * 4;  // 16 input by 16 output channels of a tap: 16 bytes a lane

// A unit of a layer, and the lane's place in it.
template <class Layer>
struct Unit {
  using Output = typename Layer::Output;
  int tile, row, column;  // of output channels; first pixel

  __device__ explicit Unit(int unit) : tile(unit % Layer::kOutputTiles) {
    const int part = unit / Layer::kOutputTiles;
    row = (Output::kExtent == 32 ? part / 2 : part) * Layer::kRows;
    column = Output::kExtent == 32 ? part % 2 * 16 : 0;
  }
  // The word, for ldmatrix, of what output pixel lane % 16 of the first tile reads at tap (-1, -1) + `tap` of planes
  // whose extent is `stride` times the output's; lanes from 16 on read the second plane.
  template <class Input>
  __device__ int input_word(int lane, int stride, int tap) const {
    const int pixel = lane % 16;
    const int y = Layer::kHalfRows ? pixel / 8 * 4 : row, x = Layer::kHalfRows ? pixel % 8 : column + pixel;
    return lane / 16 * Input::kPlane + Input::pixel(y * stride - 1 + tap, x * stride - 1 + tap);
  }
  // The word of the lane's two channels of its first pixel (see output_offset), in planes like the output's.
  __device__ int output_word(int lane) const {
    return 2 * tile * Output::kPlane + Output::pixel(row, column + lane / 4) + lane % 4;
  }
  // From there to its pixels of tile `tile_row`; `half` 1: of rows 8 to 15 of the product.
  __device__ static constexpr int output_offset(int tile_row, int half) {
    constexpr int kHalf = (Layer::kHalfRows ? 4 * Output::kPitch : 8) * kCellWords;
    return tile_row * Output::kPitch * kCellWords + half * kHalf;
  }
};

// [tile of pixels][tile of 8 channels][register]
template <class Layer>
using Sums = float[Layer::kRows][2][4];

// Weights of `taps` taps: [tap][tile of 8 channels][register]
template <int taps>
__device__ __forceinline__ void load_fragments(std::uint32_t (&weights)[taps][2][2], Global<const std::uint32_t> blob,
                                               int first, int lane) {
  BASIN_UNROLL
  for (int tap = 0; tap < taps; ++tap) {
    const Vector<std::uint32_t, 4> fragment = blob.load_vector<4>(first + tap * kFragmentWords + 4 * lane);
    for (int i = 0; i < 4; ++i) weights[tap][i / 2][i % 2] = fragment[i];
  }
}

template <class Layer>
__device__ __forceinline__ void start_from_shifts(Sums<Layer>& sums, const Vector<float, 2> (&shifts)[2]) {
  BASIN_UNROLL
  for (int row = 0; row < Layer::kRows; ++row)
    for (int n = 0; n < 2; ++n)
      for (int i = 0; i < 4; ++i) sums[row][n][i] = shifts[n][i % 2];
}

// sums += 3x3 convolution of 16 input channels. Pixels are read once for the kernel rows and channels that need them.
template <class T, class Layer, class Shared>
__device__ __forceinline__ void add_convolution(Sums<Layer>& sums, Shared& shared, int from,
                                                const std::uint32_t (&weights)[9][2][2]) {
  constexpr int kStride = Layer::kStride, kInputRows = kStride * (Layer::kRows - 1) + 3;
  BASIN_UNROLL
  for (int y = 0; y < kInputRows; ++y) BASIN_UNROLL
  for (int s = 0; s < 3; ++s) {
    std::uint32_t pixels[4];
    load_matrices(pixels, shared.activations, from + (y * Layer::Input::kPitch + s) * kCellWords);
    BASIN_UNROLL
    for (int r = 0; r < 3; ++r) {
      const int row = (y - r) / kStride;
      if (y < r || (y - r) % kStride != 0 || row >= Layer::kRows) continue;
      mma_m16n8k16<T>(sums[row][0], pixels, weights[3 * r + s][0]);
      mma_m16n8k16<T>(sums[row][1], pixels, weights[3 * r + s][1]);
    }
  }
}

// sums += 1x1 convolution of 16 input channels of every second pixel.
template <class T, class Layer, class Input, class Shared>
__device__ __forceinline__ void add_projection(Sums<Layer>& sums, Shared& shared, int from,
                                               const std::uint32_t (&weights)[1][2][2]) {
  BASIN_UNROLL
  for (int row = 0; row < Layer::kRows; ++row) {
    std::uint32_t pixels[4];
    load_matrices(pixels, shared.activations, from + 2 * row * Input::kPitch * kCellWords);
    mma_m16n8k16<T>(sums[row][0], pixels, weights[0][0]);
    mma_m16n8k16<T>(sums[row][1], pixels, weights[0][1]);
  }
}

// Writes relu(sums), or relu(sums + what is there), rounded to T; `peak` becomes the largest of what was written.
template <class T, class Layer, bool in_place, class Shared>
__device__ __forceinline__ void finish(const Sums<Layer>& sums, Shared& shared, int to, std::uint32_t& peak) {
  BASIN_UNROLL
  for (int row = 0; row < Layer::kRows; ++row) BASIN_UNROLL
  for (int half = 0; half < 2; ++half) BASIN_UNROLL
  for (int n = 0; n < 2; ++n) {
    const int at = to + n * Layer::Output::kPlane + Unit<Layer>::output_offset(row, half);
    Pair sum{sums[row][n][2 * half], sums[row][n][2 * half + 1]};
    if constexpr (in_place) {
      const Pair residual = unpack<T>(shared.activations[at]);
      sum.first += residual.first;
      sum.second += residual.second;
    }
    const std::uint32_t pair = pack_relu<T>(sum.first, sum.second);
    peak = larger_pair<T>(peak, pair);
    shared.activations[at] = pair;
  }
}

}  // namespace basin::cuda
