// The layers of a narrow ResNet, as the four warps of an image go through them.
#pragma once
#include "core/objective.h"
#include "cuda/grid/image_loss.cuh"
#include "cuda/grid/resident_convolution.cuh"

namespace basin::cuda {

struct ResidentOperands {
  Global<const std::uint32_t> blobs, fragments;
  Global<const std::int32_t> labels;
  int words, classifier_word, shift_word;  // of a blob
  int points, images;                      // points * images < 2^31
  int blocks, classes;                     // of a stage; of the data
  bool squared_error;
  Global<float> loss, logits;
  Global<std::uint8_t> outcome;
};

// One image in the hands of kImageThreads threads, which meet at a named barrier of their own: the images of a block
// drift apart, and one's loads hide another's.
template <class T, int images>
class ResidentImage {
 public:
  using Shared = ResidentShared<images>;

  __device__ ResidentImage(const ResidentOperands& in, Shared& shared) : in_(in), shared_(shared) {
    thread_ = threadIdx.x % kImageThreads;
    slot_ = threadIdx.x / kImageThreads;
    warp_ = thread_ / 32;
    lane_ = thread_ % 32;
  }
  __device__ int slot() const { return slot_; }

  // Starts item point * images + image: the stem, into kA1.
  __device__ __forceinline__ void start(int item) {
    blob_ = in_.blobs.slice(std::int64_t{item / in_.images} * in_.words, in_.words);
    const Global<const std::uint32_t> fragments =
        in_.fragments.slice(item % in_.images * kImageFragmentWords, kImageFragmentWords);
    weight_ = 0;
    shift_ = in_.shift_word;
    peak_ = 0;
    clear<Stage1>(kA1);
    clear<Stage1>(kB1);
    std::uint32_t weights[2][2][2];
    load_fragments(weights, blob_, weight_, lane_);
    Vector<float, 2> shifts[2];
    load_shifts(shifts, shift_);
    for (int tile = warp_; tile < 64; tile += kImageWarps) {
      float sums[2][4];
      for (int i = 0; i < 8; ++i) sums[i / 4][i % 4] = shifts[i / 4][i % 2];
      for (int k = 0; k < 2; ++k) {
        const Vector<std::uint32_t, 4> pixels = fragments.load_vector<4>((2 * tile + k) * kFragmentWords + 4 * lane_);
        for (int n = 0; n < 2; ++n) mma_m16n8k16<T>(sums[n], pixels.values, weights[k][n]);
      }
      const int to = region(kA1) + Stage1::pixel(tile / 2, tile % 2 * 16 + lane_ / 4) + lane_ % 4;
      for (int i = 0; i < 4; ++i) {
        const std::uint32_t pair = pack_relu<T>(sums[i / 2][i % 2 * 2], sums[i / 2][i % 2 * 2 + 1]);
        peak_ = larger_pair<T>(peak_, pair);
        shared_.activations[to + i / 2 * Stage1::kPlane + i % 2 * 8 * kCellWords] = pair;
      }
    }
    weight_ += 2 * kFragmentWords;
    shift_ += Stage1::kChannels;
  }

  // Blocks that keep the shape; their input and output is in `a`, what is between the convolutions in `b`.
  template <class Stage, bool shortcut>
  __device__ __forceinline__ void identity_blocks(int count, int a, int b) {
    using Layer = Convolution3x3<Stage, Stage>;
    BASIN_KEEP_LOOP
    for (int i = 0; i < count; ++i) {
      convolve<Layer, Residual::none>(a, b);
      convolve<Layer, shortcut ? Residual::in_place : Residual::none>(b, a);
    }
  }

  // The block that halves the extent and doubles the channels, from `x` to `a`.
  template <class Before, class Stage, bool shortcut>
  __device__ __forceinline__ void narrowing_block(int x, int a, int b) {
    barrier();  // all have read the stage before, whose place this takes
    clear<Stage>(b);
    clear<Stage>(a);
    convolve<Convolution3x3<Before, Stage>, Residual::none>(x, b);
    convolve<Convolution3x3<Stage, Stage>, shortcut ? Residual::projection : Residual::none, Before>(b, a, x);
  }

  // The means of the 8 x 8 pixels of `a`, and what this warp knows of the activations.
  __device__ __forceinline__ void pool(int a) {
    barrier();  // the last block is written
    for (int plane = 2 * warp_; plane < 2 * warp_ + 2; ++plane) {
      Pair sum{0, 0};
      for (int y = 0; y < Stage3::kExtent; ++y) {
        const int at = region(a) + plane * Stage3::kPlane + Stage3::pixel(y, lane_ / 4) + lane_ % 4;
        const Pair value = unpack<T>(shared_.activations[at]);
        sum.first += value.first;
        sum.second += value.second;
      }
      for (int distance = 4; distance < 32; distance *= 2) {
        sum.first += __shfl_xor_sync(0xffffffffu, sum.first, distance);
        sum.second += __shfl_xor_sync(0xffffffffu, sum.second, distance);
      }
      if (lane_ < 4)
        shared_.features.template store_vector<2>(slot_ * kResidentFeatures + 8 * plane + 2 * lane_,
                                                  Vector<float, 2>{{sum.first / 64, sum.second / 64}});
    }
    const std::uint32_t peak =
        warp_reduce(peak_, [](std::uint32_t left, std::uint32_t right) { return larger_pair<T>(left, right); });
    if (lane_ == 0) shared_.peaks[slot_ * kImageWarps + warp_] = peak;
  }

  // Classifier and loss, by the first warp; the others go on to the next image.
  __device__ __forceinline__ void finish_item(int item) {
    barrier();
    if (warp_ != 0) return;
    classify(item);
    __syncwarp();
    measure(item, in_.labels[item % in_.images]);
    __syncwarp();
  }

 private:
  __device__ int region(int word) const { return slot_ * kImageWords + word; }
  __device__ int logit_at(int c) const { return slot_ * static_cast<int>(kMaxResidentClasses) + c; }
  __device__ void barrier() const { named_barrier(1 + slot_, kImageThreads); }
  template <class Stage>
  __device__ __forceinline__ void clear(int at) {
    clear_halos<Stage>(shared_, region(at), thread_);
  }
  __device__ __forceinline__ void load_shifts(Vector<float, 2> (&shifts)[2], int first) const {
    for (int n = 0; n < 2; ++n) {
      const Vector<std::uint32_t, 2> bits = blob_.template load_vector<2>(first + 8 * n + lane_ % 4 * 2);
      for (int i = 0; i < 2; ++i) shifts[n][i] = float_of_bits(bits[i]);
    }
  }

  // to = relu(conv3x3(from) + shift + residual), all warps.
  template <class Layer, Residual residual, class Before = Stage1>
  __device__ __forceinline__ void convolve(int from, int to, int block_input = 0) {
    constexpr int kTileWords = 9 * kFragmentWords, kOutputTiles = Layer::kOutputTiles;
    constexpr int kProjected = residual == Residual::projection ? Before::kChannels / 16 : 0;
    constexpr int kProjectionWord = Layer::kInputTiles * kOutputTiles * kTileWords;
    const int first = weight_ + warp_ % kOutputTiles * kTileWords;
    std::uint32_t weights[9][2][2];
    if constexpr (Layer::kInputTiles == 1) load_fragments(weights, blob_, first, lane_);
    barrier();  // `from` is written, `to` has been read
    BASIN_KEEP_LOOP
    for (int i = warp_; i < Layer::kUnits; i += kImageWarps) {
      const Unit<Layer> unit(i);
      Vector<float, 2> shifts[2];
      load_shifts(shifts, shift_ + 16 * unit.tile);
      if constexpr (kProjected > 0) {
        Vector<float, 2> others[2];
        load_shifts(others, shift_ + Layer::Output::kChannels + 16 * unit.tile);
        for (int j = 0; j < 4; ++j) shifts[j / 2][j % 2] += others[j / 2][j % 2];
      }
      Sums<Layer> sums;
      start_from_shifts<Layer>(sums, shifts);
      int pixels = region(from) + unit.template input_word<typename Layer::Input>(lane_, Layer::kStride, 0);
      BASIN_KEEP_LOOP
      for (int k = 0; k < Layer::kInputTiles; ++k) {
        if constexpr (Layer::kInputTiles > 1)
          load_fragments(weights, blob_, first + k * kOutputTiles * kTileWords, lane_);
        add_convolution<T, Layer>(sums, shared_, pixels, weights);
        pixels += 2 * Layer::Input::kPlane;
      }
      if constexpr (kProjected > 0) {
        const int source = region(block_input) + unit.template input_word<Before>(lane_, 2, 1);
        BASIN_KEEP_LOOP
        for (int k = 0; k < kProjected; ++k) {
          std::uint32_t projection[1][2][2];
          load_fragments(projection, blob_, weight_ + kProjectionWord + (k * kOutputTiles + unit.tile) * kFragmentWords,
                         lane_);
          add_projection<T, Layer, Before>(sums, shared_, source + 2 * k * Before::kPlane, projection);
        }
      }
      finish<T, Layer, residual == Residual::in_place>(sums, shared_, region(to) + unit.output_word(lane_), peak_);
    }
    weight_ += kProjectionWord + kProjected * kOutputTiles * kFragmentWords;
    shift_ += Layer::Output::kChannels * (kProjected > 0 ? 2 : 1);
  }

  // A lane has every 32nd class.
  __device__ void classify(int item) {
    for (int c = lane_; c < in_.classes; c += 32) {
      float logit = float_of_bits(blob_[shift_ + c]);
      for (int f = 0; f < kResidentFeatures; ++f) {
        const float feature = shared_.features[slot_ * kResidentFeatures + f];
        logit = std::fma(float_of_bits(blob_[in_.classifier_word + f * in_.classes + c]), feature, logit);
      }
      shared_.logits[logit_at(c)] = logit;
      if (in_.logits) in_.logits[std::int64_t{item} * in_.classes + c] = logit;
    }
  }

  __device__ void measure(int item, int label) {
    const auto logits = [&](int c) { return static_cast<float>(shared_.logits[logit_at(c)]); };
    const LossOfImage found = image_loss(logits, in_.classes, label, in_.squared_error, lane_);
    bool overflowed = false;
    for (int w = 0; w < kImageWarps; ++w)
      overflowed = overflowed || has_overflowed<T>(shared_.peaks[slot_ * kImageWarps + w]);
    if (lane_ != 0) return;
    in_.loss[item] = found.loss;
    in_.outcome[item] = static_cast<std::uint8_t>(found.outcome | (overflowed ? Outcome::kOverflowed : 0));
  }

  const ResidentOperands& in_;
  Shared& shared_;
  int thread_, slot_, warp_, lane_;
  Global<const std::uint32_t> blob_;  // of the point
  int weight_ = 0, shift_ = 0;        // words of the next layer's
  std::uint32_t peak_ = 0;
};

}  // namespace basin::cuda
