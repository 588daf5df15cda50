#include "landscape/amx/network.h"

#include <algorithm>

#include "core/error.h"
#include "landscape/amx/contraction_step.h"
#include "landscape/amx/convert.h"
#include "landscape/amx/plain_step.h"
#include "landscape/amx/tiles.h"
#include "landscape/blockwise.h"

namespace basin::amx {
namespace {

// Slots begin at different places of a page, or stores into one would hold up loads from the other: the processor tells
// them apart by the lower twelve bits of their addresses at first.
constexpr std::size_t kStagger = 40, kPage = 64;  // cache lines

constexpr double kSafe = 1e37;  // below the largest bf16 by more than rounding can add

std::size_t index(int i) { return static_cast<std::size_t>(i); }

}  // namespace

Network::Network(const Plan& plan, const Plane& plane, std::int64_t block, std::int64_t parts)
    : plan_(&plan),
      plane_(plane),
      block_(block),
      placement_(place(plan, *plane.center, parts)),
      operations_(list_operations(plan, placement_)),
      memory_(plan_memory(plan, placement_, operations_, block)),
      bounds_(plan.buffers.size(), 0) {
  for (const std::int64_t bytes : memory_.slots) slots_.emplace_back(static_cast<std::size_t>(bytes / 64 + 1) + kPage);
  for (const Operation& operation : operations_) steps_.push_back(make_step(operation));
  check(block % span_ == 0, "engine amx: a block of ", block, " images is no multiple of ", span_);
}

const Layout* Network::layout(int buffer) const {
  const auto& found = placement_.layouts[index(buffer)];
  return found ? &*found : nullptr;
}

std::byte* Network::data(Value value) const {
  if (value.buffer == 0 && value.plain) return nullptr;
  const auto slot = index(memory_.slot_of[value.plain ? 1 : 0][index(value.buffer)]);
  return const_cast<std::byte*>(slots_[slot][slot * kStagger % kPage].bytes);
}

std::unique_ptr<Step> Network::make_contraction(const Operation& operation) {
  const Stage& stage = *operation.stage;
  const auto activation = [&](int buffer) { return Activation{layout(buffer), data({buffer, false})}; };
  Convolution convolution{.stage = &stage}, shortcut;
  if (operation.reads.empty())
    convolution.image = plan_->buffers[0];
  else
    convolution.x = activation(stage.inputs[0]);
  if (operation.shortcut != nullptr)
    shortcut = {.stage = operation.shortcut, .x = activation(operation.shortcut->inputs[0])};
  const bool residual = stage.residual >= 0 && operation.shortcut == nullptr;
  auto step = std::make_unique<ContractionStep>(
      plane_, convolution, shortcut, residual ? activation(stage.residual) : Activation{}, activation(stage.output));
  span_ = std::max(span_, step->span());
  return step;
}

std::unique_ptr<Step> Network::make_step(const Operation& operation) {
  using enum ConversionStep::Kind;
  const auto side = [&](Value value) {
    return ConversionStep::Side{value.buffer, value.plain ? nullptr : layout(value.buffer), data(value)};
  };
  const auto convert = [&](ConversionStep::Kind kind) {
    const std::int64_t channels = plan_->buffers[index(operation.writes.buffer)].back();
    return std::make_unique<ConversionStep>(kind, channels, side(operation.reads[0]), side(operation.writes));
  };
  if (operation.stage == nullptr) return convert(operation.writes.plain ? unpack : pack);
  const Stage& stage = *operation.stage;
  switch (operation.kernel) {
    case Kernel::stem:
    case Kernel::tiles:
      return make_contraction(operation);
    case Kernel::max_pool:
      return convert(max_pool);
    case Kernel::average_pool:
      return convert(average_pool);
    case Kernel::plain:
      break;
  }
  const auto floats = [&](int buffer) { return reinterpret_cast<float*>(data({buffer, true})); };
  std::vector<const float*> inputs;
  for (const int input : stage.inputs) inputs.push_back(floats(input));
  return std::make_unique<PlainStep>(*plan_, stage, plane_, block_, inputs,
                                     stage.residual >= 0 ? floats(stage.residual) : nullptr, floats(stage.output));
}

void Network::set_point(const Point& point) {
  for (const auto& step : steps_) step->set_point(point);
}

// Bounds the step's output, at first by its inputs' bounds, then by its inputs' values. A chain of bounds grows fast,
// but one look at the values every few steps keeps it small.
bool Network::may_overflow(std::size_t step, std::int64_t count) {
  const Operation& operation = operations_[step];
  double& bound = bounds_[index(operation.writes.buffer)];
  double estimate = steps_[step]->bound(bounds_);
  if (!(estimate < kSafe)) {
    for (const Value read : operation.reads) {
      if (read.buffer == 0) continue;
      const std::byte* values = data(read);
      const auto size = static_cast<std::size_t>(plan_->buffers[index(read.buffer)].count() * count);
      bounds_[index(read.buffer)] = read.plain ? basin::largest_magnitude(reinterpret_cast<const float*>(values), size)
                                               : amx::largest_magnitude(values, *layout(read.buffer), count);
    }
    estimate = steps_[step]->bound(bounds_);
  }
  bound = estimate;
  return !(estimate < kSafe);
}

const float* Network::run(const std::byte* images, std::int64_t count, double bound) {
  count = (count + span_ - 1) / span_ * span_;
  bounds_[0] = bound;
  configure_tiles();
  bool safe = true;
  for (std::size_t i = 0; safe && i < steps_.size(); ++i) {
    safe = !may_overflow(i, count);
    if (safe) steps_[i]->run(images, count);
  }
  release_tiles();
  return safe ? reinterpret_cast<const float*>(data({plan_->logits, true})) : nullptr;
}

}  // namespace basin::amx
