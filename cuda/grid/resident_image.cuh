// How the resident kernel keeps the activations of an image in shared memory through all layers.
#pragma once
#include "cuda/grid/resident_layout.h"
#include "cuda/grid/unroll.cuh"
#include "cuda/platform.cuh"

namespace basin::cuda {

constexpr int kImageWarps = 4, kImageThreads = 32 * kImageWarps;  // that compute one image

// Words of 4 bytes; a cell is 8 channels of a pixel in 16 bytes.
constexpr int kCellWords = 4;

// Activations of a stage: planes [channels / 8] of cells [extent + 2][extent + 1], and one more. A row begins with a
// zero, which is the left halo of that row and the right halo of the one before; rows above and below are zeros too. 8
// neighbours in a row are 128 consecutive bytes: what ldmatrix reads without bank conflicts.
template <int channels, int extent>
struct Planes {
  static constexpr int kChannels = channels, kExtent = extent, kPitch = extent + 1;
  static constexpr int kPlane = ((extent + 2) * kPitch + 1) * kCellWords;
  static constexpr int kWords = channels / 8 * kPlane;
  // First word of a pixel, or of a halo's (-1 or extent), in a plane.
  __host__ __device__ static constexpr int pixel(int y, int x) { return ((y + 1) * kPitch + x + 1) * kCellWords; }
};
using Stage1 = Planes<16, 32>;
using Stage2 = Planes<32, 16>;
using Stage3 = Planes<64, 8>;

// Regions of an image. Stage 1 has a block's input and output in kA1 and what is between its convolutions in kB1; so
// have the others. What a stage reads of the one before lies where it does not write: kA1 | kA2 kB2 (inside kB1), and
// kA3 kB3 (inside kA1) | kA2.
constexpr int kA1 = 0, kB1 = Stage1::kWords;
constexpr int kB2 = kB1, kA2 = kB2 + Stage2::kWords;
constexpr int kB3 = kA1, kA3 = kB3 + Stage3::kWords;
constexpr int kImageWords = kB1 + 2 * Stage2::kWords;
static_assert(kImageWords >= 2 * Stage1::kWords && 2 * Stage3::kWords <= Stage1::kWords);

constexpr int kResidentFeatures = Stage3::kChannels;

// Of a block that computes `images` at once.
template <int images>
struct ResidentShared {
  SharedArray<std::uint32_t, images * kImageWords> activations;
  SharedArray<float, images * kResidentFeatures> features;
  SharedArray<float, images* static_cast<int>(kMaxResidentClasses)> logits;
  SharedArray<std::uint32_t, images * kImageWarps> peaks;  // of the activations that a warp has written, in pairs
};

// Zeros in the halos of Region at word `at`, by the kImageThreads threads of an image.
template <class Region, class Shared>
__device__ void clear_halos(Shared& shared, int at, int thread) {
  // Cells of the row above with the next row's first, of the first column, of the row below with one more.
  constexpr int kEnds = Region::kPitch + 1, kSides = Region::kExtent - 1, kCells = 2 * kEnds + kSides;
  for (int i = thread; i < Region::kChannels / 8 * kCells; i += kImageThreads) {
    const int plane = i / kCells, j = i % kCells;
    int cell = j;
    if (j >= kEnds) cell = (j - kEnds + 2) * Region::kPitch;
    if (j >= kEnds + kSides) cell = (Region::kExtent + 1) * Region::kPitch + j - kEnds - kSides;
    shared.activations.template store_vector<4>(at + plane * Region::kPlane + cell * kCellWords,
                                                Vector<std::uint32_t, 4>{});
  }
  __syncwarp();  // not all lanes have had as many turns, and mma.sync wants them together
}

}  // namespace basin::cuda
