// The tables of perturb.h, gathered on the host.
#include <cstring>

#include "cuda/grid/perturb.h"

namespace basin::cuda {
namespace {

class Gatherer {
 public:
  Gatherer(const Plan& plan, const BlobLayout& layout, std::span<const PlaneTensor> tensors)
      : plan_(plan), layout_(layout), tensors_(tensors) {
    counts_.resize(plan.stages.size());
    for (const BlobChannel& channel : layout.channels) ++counts_[static_cast<std::size_t>(channel.stage)];
  }

  std::vector<PlaneValue> affine() const {
    std::vector<PlaneValue> values;
    for (std::size_t c = 0; c < layout_.channels.size(); ++c) {
      const Stage& s = stage(c);
      const auto add = [&](int entry, float missing) {
        values.push_back(value(entry, layout_.channels[c].index, counts_[stage_of(c)], missing));
        values.back().rule |= static_cast<std::uint32_t>(c) << 2;
      };
      add(s.bias, 0);
      add(s.gamma, 1);
      add(s.beta, 0);
      add(s.mean, 0);
      add(s.variance, 1);
    }
    return values;
  }

  std::vector<ChannelRule> rules() const {
    std::vector<ChannelRule> rules;
    for (std::size_t c = 0; c < layout_.channels.size(); ++c) {
      const Stage& s = stage(c);
      ChannelRule rule{.epsilon = s.epsilon};
      if (s.variance >= 0) rule.flags |= ChannelRule::kBatchNorm;
      if (s.inputs.front() == 0) rule.flags |= ChannelRule::kStem;
      if (s.output == plan_.logits) rule.flags |= ChannelRule::kClassifier;
      rules.push_back(rule);
    }
    return rules;
  }

  std::vector<PlaneValue> weights(const std::vector<BlobWeight>& places) const {
    // Filters of a stage have as many values as the largest index says.
    std::vector<std::int64_t> sizes(plan_.stages.size(), 0);
    for (const auto* list : {&layout_.weights, &layout_.floats})
      for (const BlobWeight& w : *list)
        if (w.channel >= 0) ++sizes[stage_of(static_cast<std::size_t>(w.channel))];
    check(places.size() % 4 == 0, "plane weights: ", places.size(), " places are not a multiple of four");
    std::vector<PlaneValue> values;
    values.reserve(places.size());
    for (const BlobWeight& w : places) {
      if (w.channel == BlobWeight::kPadding) {
        values.push_back({});
        continue;
      }
      const auto c = static_cast<std::size_t>(w.channel);
      values.push_back(value(stage(c).weight, w.element, sizes[stage_of(c)], 1));
      values.back().rule |= static_cast<std::uint32_t>(c) << 2;
    }
    return values;
  }

 private:
  std::size_t stage_of(std::size_t channel) const { return static_cast<std::size_t>(layout_.channels[channel].stage); }
  const Stage& stage(std::size_t channel) const { return plan_.stages[stage_of(channel)]; }

  // Element `i` of an entry of `count` values; `missing` where the stage has none (the weight of an affine stage is 1).
  PlaneValue value(int entry, std::int64_t i, std::int64_t count, double missing) const {
    PlaneValue value{.center = static_cast<float>(missing), .rule = 0};
    if (entry < 0) return value;
    check(static_cast<std::size_t>(entry) < tensors_.size(), "plane weights: ", tensors_.size(),
          " tensors, the plan names number ", entry);
    const PlaneTensor& tensor = tensors_[static_cast<std::size_t>(entry)];
    const auto at = [&](std::span<const float> values) {
      check(static_cast<std::int64_t>(values.size()) == count, "plane weights: tensor ", entry, " has ", values.size(),
            " values, its layer takes ", count);
      return values[static_cast<std::size_t>(i)];
    };
    value.center = at(tensor.center);
    if (!tensor.x.empty()) {
      value.x = at(tensor.x);
      value.rule |= PlaneValue::kAlongX;
    }
    if (!tensor.y.empty()) {
      value.y = at(tensor.y);
      value.rule |= PlaneValue::kAlongY;
    }
    return value;
  }

  const Plan& plan_;
  const BlobLayout& layout_;
  std::span<const PlaneTensor> tensors_;
  std::vector<std::int64_t> counts_;  // channels by stage
};

template <class T>
DeviceBuffer on_device(Stream stream, const std::vector<T>& values) {
  DeviceBuffer buffer(stream, values.size() * sizeof(T));
  copy_to_device(stream, buffer.data(), values.data(), values.size() * sizeof(T));
  return buffer;
}

}  // namespace

PlaneWeights::PlaneWeights(Stream stream, const Plan& plan, const BlobLayout& layout,
                           std::span<const PlaneTensor> tensors)
    : extents_(layout.extents()),
      affine_(on_device(stream, Gatherer(plan, layout, tensors).affine())),
      rules_(on_device(stream, Gatherer(plan, layout, tensors).rules())),
      weights_(on_device(stream, Gatherer(plan, layout, tensors).weights(layout.weights))),
      floats_(on_device(stream, Gatherer(plan, layout, tensors).weights(layout.floats))) {}

}  // namespace basin::cuda
