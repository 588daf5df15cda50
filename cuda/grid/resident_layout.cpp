#include "cuda/grid/resident_layout.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace basin::cuda {
namespace {

using Kind = Stage::Kind;

constexpr int kNone = -1;
constexpr std::array<std::int64_t, 3> kExtents = {32, 16, 8}, kWidths = {16, 32, 64};
constexpr std::int64_t kFeatures = 64, kStemInputs = 27, kStemPadded = 32;

// Stages of a plan, by index.
struct Block {
  int conv1 = kNone, conv2 = kNone, projection = kNone;
};
struct Network {
  int stem = kNone, classifier = kNone;
  std::vector<Block> blocks;
};

// Finds the stages of a ResidentNet from the logits back to the image.
class Reader {
 public:
  explicit Reader(const Plan& plan) : plan_(plan), producer_(plan.buffers.size(), kNone) {
    for (std::size_t i = 0; i < plan.stages.size(); ++i)
      producer_.at(static_cast<std::size_t>(plan.stages[i].output)) = static_cast<int>(i);
  }

  Network read() {
    require(buffer(0) == Shape({32, 32, 3}), "the image is not 32 x 32 x 3");
    Network net;
    net.classifier = take(plan_.logits, Kind::linear);
    require(!stage(net.classifier).relu, "a relu follows the classifier");
    const int pool = take(input(net.classifier), Kind::average_pool);
    require(buffer(stage(pool).output) == Shape({1, 1, kFeatures}), "the features are not the means of 64 channels");
    require(stage(pool).pool.kernel == 8 && stage(pool).pool.padding == 0,
            "the features are not means of 8 x 8 pixels");
    int x = input(pool);
    while (is_block_output(x)) x = read_block(x, net.blocks);
    std::reverse(net.blocks.begin(), net.blocks.end());
    net.stem = take_convolution(x, 0, 1, 1, true);
    require(taken_ == plan_.stages.size(), "it has stages besides those of the blocks");
    check_blocks(net);
    return net;
  }

 private:
  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    check(condition, "resident engine: ", plan_.model, ": ", parts...);
  }
  const Stage& stage(int index) const { return plan_.stages.at(static_cast<std::size_t>(index)); }
  const Shape& buffer(int index) const { return plan_.buffers.at(static_cast<std::size_t>(index)); }
  int input(int index) const { return stage(index).inputs.front(); }
  int producer(int buffer) const { return producer_.at(static_cast<std::size_t>(buffer)); }

  int take(int output, Kind kind) {
    const int found = producer(output);
    require(found != kNone && stage(found).kind == kind, "its stages are not those of a narrow ResNet");
    ++taken_;
    return found;
  }
  int take_convolution(int output, int from, std::int64_t stride, std::int64_t padding, bool relu) {
    const int found = take(output, Kind::convolution);
    const Stage& s = stage(found);
    require(s.conv == Conv2d{.stride = stride, .padding = padding} && s.relu == relu && s.inputs.front() == from,
            "a convolution has another stride, padding, input or relu than in a ResNet");
    return found;
  }

  // Every convolution but the stem.
  bool is_block_output(int output) const {
    const int found = producer(output);
    return found != kNone && stage(found).kind == Kind::convolution && input(found) != 0;
  }
  // The block that makes `output`; returns its input.
  int read_block(int output, std::vector<Block>& blocks) {
    Block block;
    block.conv2 = producer(output);
    const int between = input(block.conv2), residual = stage(block.conv2).residual;
    require(is_block_output(between), "its stages are not those of basic blocks");
    const int x = input(producer(between));
    const std::int64_t stride = buffer(x)[0] / std::max<std::int64_t>(buffer(output)[0], 1);
    block.conv2 = take_convolution(output, between, 1, 1, true);
    block.conv1 = take_convolution(between, x, stride, 1, true);
    if (residual >= 0 && residual != x) block.projection = take_convolution(residual, x, stride, 0, false);
    blocks.push_back(block);
    return x;
  }

  void check_blocks(const Network& net) const {
    const std::size_t count = net.blocks.size(), per_stage = count / 3;
    require(count > 0 && count % 3 == 0, "it has ", count, " basic blocks, not the same number in three stages");
    const bool shortcut = stage(net.blocks.front().conv2).residual >= 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Block& block = net.blocks[i];
      const Shape expected{kExtents[i / per_stage], kExtents[i / per_stage], kWidths[i / per_stage]};
      for (const int made : {block.conv1, block.conv2})
        require(buffer(stage(made).output) == expected, "a convolution of block ", i, " makes ",
                buffer(stage(made).output), ", expected ", expected);
      require((stage(block.conv2).residual >= 0) == shortcut, "some blocks have a shortcut and some none");
      const bool narrows = i > 0 && i % per_stage == 0;
      require((block.projection != kNone) == (shortcut && narrows), "block ", i, " has ",
              shortcut && narrows ? "no projection" : "a projection");
    }
    require(buffer(stage(net.stem).output) == Shape({32, 32, 16}), "the stem does not make 16 channels");
  }

  const Plan& plan_;
  std::vector<int> producer_;  // stage by buffer
  std::size_t taken_ = 0;
};

// Lays out the layers, in the order of execution.
class Writer {
 public:
  Writer(const Plan& plan, ResidentLayout& layout) : plan_(plan), layout_(layout) {}

  void stem(int stage) {
    const std::int64_t first = add_channels(stage);
    for (std::int64_t k = 0; k < kStemPadded; k += 16)
      fragment(first, [&](std::int64_t n, std::int64_t inner) {
        return k + inner < kStemInputs ? n * kStemInputs + k + inner : BlobWeight::kPadding;
      });
  }
  // A convolution of `taps` taps.
  void convolution(int stage, std::int64_t taps) {
    const std::int64_t first = add_channels(stage);
    const std::int64_t outputs = buffer(output(stage)).back(), inputs = buffer(input(stage)).back();
    for (std::int64_t k = 0; k < inputs; k += 16)
      for (std::int64_t n = 0; n < outputs; n += 16)
        for (std::int64_t tap = 0; tap < taps; ++tap)
          fragment(first + n, [&](std::int64_t column, std::int64_t inner) {
            return ((n + column) * taps + tap) * inputs + k + inner;
          });
  }
  void classifier(int stage) {
    const std::int64_t first = add_channels(stage), classes = layout_.net.classes;
    for (std::int64_t f = 0; f < kFeatures; ++f)
      for (std::int64_t c = 0; c < classes; ++c)
        layout_.floats.push_back({static_cast<std::int32_t>(first + c), static_cast<std::int32_t>(c * kFeatures + f)});
  }

 private:
  const Stage& at(int stage) const { return plan_.stages[static_cast<std::size_t>(stage)]; }
  int output(int stage) const { return at(stage).output; }
  int input(int stage) const { return at(stage).inputs.front(); }
  const Shape& buffer(int index) const { return plan_.buffers[static_cast<std::size_t>(index)]; }

  std::int64_t add_channels(int stage) {
    const auto first = static_cast<std::int64_t>(layout_.channels.size());
    for (std::int64_t k = 0; k < buffer(output(stage)).back(); ++k) layout_.channels.push_back({stage, k});
    return first;
  }
  // Two B operands of mma_m16n8k16 (cuda/native/mma.cuh) side by side; element(column, inner) of 16 x 16.
  template <class Element>
  void fragment(std::int64_t first_channel, const Element& element) {
    for (std::int64_t lane = 0; lane < 32; ++lane)
      for (std::int64_t half = 0; half < 8; ++half) {
        const std::int64_t word = half / 2, column = lane / 4 + 8 * (word / 2);
        const std::int64_t place = element(column, 2 * (lane % 4) + 8 * (word % 2) + half % 2);
        layout_.weights.push_back(place < 0 ? BlobWeight{}
                                            : BlobWeight{static_cast<std::int32_t>(first_channel + column),
                                                         static_cast<std::int32_t>(place)});
      }
  }

  const Plan& plan_;
  ResidentLayout& layout_;
};

}  // namespace

ResidentLayout resident_layout(const Plan& plan) {
  const Network net = Reader(plan).read();
  check(plan.classes <= kMaxResidentClasses, "resident engine: ", plan.model, ": ", plan.classes, " classes, at most ",
        kMaxResidentClasses);
  ResidentLayout layout;
  layout.net = {static_cast<std::int64_t>(net.blocks.size()) / 3,
                plan.stages[static_cast<std::size_t>(net.blocks.front().conv2)].residual >= 0, plan.classes};
  Writer writer(plan, layout);
  writer.stem(net.stem);
  for (const Block& block : net.blocks) {
    writer.convolution(block.conv1, 9);
    writer.convolution(block.conv2, 9);
    if (block.projection != kNone) writer.convolution(block.projection, 1);
  }
  writer.classifier(net.classifier);
  return layout;
}

std::string resident_obstacle(const Plan& plan) {
  try {
    resident_layout(plan);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace basin::cuda
