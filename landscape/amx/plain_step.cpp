#include "landscape/amx/plain_step.h"

#include <algorithm>

#include "landscape/amx/convert.h"
#include "landscape/blockwise.h"

namespace basin::amx {
namespace {

using Kind = Stage::Kind;

bool is_weighted(const Stage& stage) {
  return stage.kind == Kind::convolution || stage.kind == Kind::linear || stage.kind == Kind::affine;
}

}  // namespace

PlainStep::PlainStep(const Plan& plan, const Stage& stage, const Plane& plane, std::int64_t block,
                     std::vector<const float*> inputs, const float* residual, float* output)
    : plan_(&plan),
      stage_(&stage),
      inputs_(std::move(inputs)),
      residual_(residual),
      output_(output),
      size_(static_cast<std::size_t>(plan.buffers[static_cast<std::size_t>(stage.output)].count() * block)),
      block_(block) {
  if (stage.kind == Kind::add || stage.kind == Kind::concat) return;
  Stage bare = stage;
  bare.inputs = {0};
  bare.output = 1;
  bare.residual = -1;
  bare.relu = false;
  alone_.model = plan.model;
  alone_.buffers = {plan.buffers[static_cast<std::size_t>(stage.inputs[0])],
                    plan.buffers[static_cast<std::size_t>(stage.output)]};
  alone_.stages = {bare};
  alone_.logits = 1;
  network_ = std::make_unique<OnednnNetwork>(alone_, plane, block, OnednnNetwork::Relu::keeps_nan);
}

void PlainStep::set_point(const Point& point) {
  if (network_) network_->set_point(point);
}

double PlainStep::bound(std::span<const double> buffers) const {
  const auto of = [&](int buffer) { return buffers[static_cast<std::size_t>(buffer)]; };
  double largest = 0, sum = 0;
  for (const int input : stage_->inputs) {
    largest = std::max(largest, of(input));
    sum += of(input);
  }
  double own = stage_->kind == Kind::add ? sum : largest;
  if (is_weighted(*stage_)) own = network_->folded(0).gain * largest + network_->folded(0).offset;
  return own + (stage_->residual >= 0 ? of(stage_->residual) : 0);
}

void PlainStep::run(const std::byte* images, std::int64_t) {
  const auto input = [&](std::size_t i) {
    return inputs_[i] != nullptr ? inputs_[i] : reinterpret_cast<const float*>(images);
  };
  if (network_) {
    std::copy_n(network_->run(reinterpret_cast<const std::byte*>(input(0)), block_, 0), size_, output_);
  } else {
    std::size_t first = 0;
    const auto channels = plan_->buffers[static_cast<std::size_t>(stage_->output)].back();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Shape& shape = plan_->buffers[static_cast<std::size_t>(stage_->inputs[i])];
      const auto count = static_cast<std::size_t>(shape.count() * block_);
      if (stage_->kind == Kind::concat)
        copy_channels(input(i), count, shape.back(), channels, output_ + first);
      else if (i == 0)
        std::copy_n(input(i), count, output_);
      else
        add_block(input(i), count, output_);
      first += static_cast<std::size_t>(shape.back());
    }
  }
  if (stage_->residual >= 0)
    add_block(residual_ != nullptr ? residual_ : reinterpret_cast<const float*>(images), size_, output_);
  if (stage_->relu) relu_block(size_, output_);
}

double ConversionStep::bound(std::span<const double> buffers) const {
  return buffers[static_cast<std::size_t>(input_.buffer)];
}

void ConversionStep::run(const std::byte* images, std::int64_t count) {
  const std::byte* x = input_.data != nullptr ? input_.data : images;
  std::byte* y = output_.data;
  switch (kind_) {
    case Kind::pack:
      return pack(reinterpret_cast<const float*>(x), count, channels_, *output_.layout, y);
    case Kind::unpack:
      return unpack(x, *input_.layout, count, channels_, reinterpret_cast<float*>(y));
    case Kind::max_pool:
      return max_pool_2x2(x, *input_.layout, count, *output_.layout, y);
    case Kind::average_pool:
      return average_pool(x, *input_.layout, count, channels_, reinterpret_cast<float*>(y));
  }
}

}  // namespace basin::amx
