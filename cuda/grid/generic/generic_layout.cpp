#include "cuda/grid/generic/generic_layout.h"

#include <cmath>

#include "core/error.h"

namespace basin::cuda {
namespace {

using Kind = Stage::Kind;

class Writer {
 public:
  Writer(const Plan& plan, std::span<const PlaneTensor> tensors, DType type)
      : plan_(plan), tensors_(tensors), vector_(static_cast<std::int64_t>(16 / size_of(type))) {
    layout_.weight_bytes = static_cast<std::int64_t>(size_of(type));
    layout_.image_channels = (buffer(0).back() + vector_ - 1) / vector_ * vector_;
  }

  GenericLayout write() {
    bool makes_logits = false;
    for (const Stage& stage : plan_.stages) {
      const bool contracts = stage.kind == Kind::convolution || stage.kind == Kind::linear;
      makes_logits = makes_logits || (stage.output == plan_.logits && contracts);
      for (const int input : stage.inputs)
        require(input != 0 || (contracts && stage.conv.groups == 1), "its image is not read by contractions alone");
      require(stage.residual != 0, "its image is a residual");
      require(stage.output != plan_.logits || stage.residual < 0, "its logits have a residual");
      GenericStage& placed = layout_.stages.emplace_back();
      if (contracts) contraction(stage, placed);
      if (stage.kind == Kind::affine) affine(stage, placed);
    }
    while (layout_.floats.size() % 4 != 0) layout_.floats.push_back({});
    require(makes_logits, "no contraction makes its logits");
    return std::move(layout_);
  }

 private:
  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    check(condition, "generic engine: ", plan_.model, ": ", parts...);
  }
  const Shape& buffer(int index) const { return plan_.buffers[static_cast<std::size_t>(index)]; }
  int index(const Stage& stage) const { return static_cast<int>(&stage - plan_.stages.data()); }

  std::int64_t add_channels(const Stage& stage) {
    const auto first = static_cast<std::int64_t>(layout_.channels.size());
    for (std::int64_t k = 0; k < buffer(stage.output).back(); ++k) layout_.channels.push_back({index(stage), k});
    return first;
  }

  void contraction(const Stage& stage, GenericStage& placed) {
    const bool linear = stage.kind == Kind::linear, reads_image = stage.inputs[0] == 0;
    const Shape& x = buffer(stage.inputs[0]);
    const std::int64_t filters = buffer(stage.output).back(), values = size_of_tensor(stage.weight);
    const std::int64_t channels = x.back() / stage.conv.groups,
                       padded = reads_image ? layout_.image_channels : channels;
    const std::int64_t taps = linear ? x.count() / x.back() : square(values, filters * channels);
    require(filters * taps * channels == values, "a layer's weights are ", values, ", its shape takes ",
            filters * taps * channels);
    const auto extent = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(taps))));
    placed.weight = linear ? Shape{filters, 1, 1, taps * padded} : Shape{filters, extent, extent, padded};
    placed.first_weight = static_cast<std::int64_t>(layout_.weights.size());
    placed.first_channel = add_channels(stage);
    for (std::int64_t k = 0; k < filters; ++k)
      for (std::int64_t tap = 0; tap < taps; ++tap)
        for (std::int64_t c = 0; c < padded; ++c)
          layout_.weights.push_back(c < channels ? place(placed.first_channel + k, (k * taps + tap) * channels + c)
                                                 : BlobWeight{});
    while (static_cast<std::int64_t>(layout_.weights.size()) % vector_ != 0) layout_.weights.push_back({});
  }

  void affine(const Stage& stage, GenericStage& placed) {
    placed.first_float = static_cast<std::int64_t>(layout_.floats.size());
    placed.first_channel = add_channels(stage);
    for (std::int64_t k = 0; k < buffer(stage.output).back(); ++k)
      layout_.floats.push_back(place(placed.first_channel + k, k));
  }

  static BlobWeight place(std::int64_t channel, std::int64_t element) {
    return {static_cast<std::int32_t>(channel), static_cast<std::int32_t>(element)};
  }
  std::int64_t size_of_tensor(int entry) const {
    require(entry >= 0 && static_cast<std::size_t>(entry) < tensors_.size(), "a layer has no weights");
    return static_cast<std::int64_t>(tensors_[static_cast<std::size_t>(entry)].center.size());
  }
  // The taps of filters of `size` values in all, `of_tap` for each tap.
  std::int64_t square(std::int64_t size, std::int64_t of_tap) const {
    const std::int64_t extent = std::lround(std::sqrt(static_cast<double>(size) / static_cast<double>(of_tap)));
    require(extent >= 1 && extent * extent * of_tap == size, "filters that are not square");
    return extent * extent;
  }

  const Plan& plan_;
  std::span<const PlaneTensor> tensors_;
  std::int64_t vector_;  // elements of 16 bytes
  GenericLayout layout_;
};

}  // namespace

GenericLayout generic_layout(const Plan& plan, std::span<const PlaneTensor> tensors, DType type) {
  return Writer(plan, tensors, type).write();
}

}  // namespace basin::cuda
