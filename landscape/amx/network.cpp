#include "landscape/amx/network.h"

#include <algorithm>
#include <array>

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
      bounds_(plan.buffers.size(), 0) {
  written_.push_back({0, true});
  for (std::size_t s = 0; s < plan.stages.size(); ++s) list(s);
  in_form(plan.logits, true);
  place_values();
  for (const Operation& operation : operations_) steps_.push_back(make_step(operation));
  check(block % span_ == 0, "engine amx: a block of ", block, " images is no multiple of ", span_);
}

const Layout* Network::layout(int buffer) const {
  const auto& found = placement_.layouts[index(buffer)];
  return found ? &*found : nullptr;
}

// Whether the stage is a convolution whose only reader adds it to its own sum: `into`.
bool Network::joins(std::size_t stage, std::size_t& into) const {
  const Stage& shortcut = plan_->stages[stage];
  if (placement_.kernels[stage] != Kernel::tiles || shortcut.relu || shortcut.residual >= 0) return false;
  if (shortcut.output == plan_->logits) return false;
  std::size_t readers = 0;
  bool as_residual = false;
  for (std::size_t s = 0; s < plan_->stages.size(); ++s) {
    const Stage& reader = plan_->stages[s];
    readers += index(static_cast<int>(std::count(reader.inputs.begin(), reader.inputs.end(), shortcut.output)));
    if (reader.residual != shortcut.output) continue;
    ++readers;
    into = s;
    as_residual = placement_.kernels[s] == Kernel::tiles && layout(reader.output)->channels % 32 == 0 &&
                  layout(reader.inputs[0])->images == layout(shortcut.inputs[0])->images;
  }
  return readers == 1 && as_residual;
}

// The buffer in that form, by a change of form where no stage wrote it so.
Network::Value Network::in_form(int buffer, bool plain) {
  const Value wanted{buffer, plain};
  if (std::find(written_.begin(), written_.end(), wanted) != written_.end()) return wanted;
  operations_.push_back({.reads = {{buffer, !plain}}, .writes = wanted});
  written_.push_back(wanted);
  return wanted;
}

void Network::list(std::size_t s) {
  const Stage& stage = plan_->stages[s];
  const Kernel kernel = placement_.kernels[s];
  std::size_t into = 0;
  if (joins(s, into)) return;
  const bool reads_plain = kernel == Kernel::plain;
  Operation operation{.stage = &stage, .writes = {stage.output, reads_plain || kernel == Kernel::average_pool}};
  if (kernel != Kernel::stem)
    for (const int input : stage.inputs) operation.reads.push_back(in_form(input, reads_plain));
  for (std::size_t other = 0; other < s; ++other)
    if (joins(other, into) && into == s) operation.shortcut = &plan_->stages[other];
  if (operation.shortcut != nullptr)
    operation.reads.push_back(in_form(operation.shortcut->inputs[0], false));
  else if (stage.residual >= 0)
    operation.reads.push_back(in_form(stage.residual, reads_plain));
  operations_.push_back(operation);
  written_.push_back(operation.writes);
}

// Memory is shared by values of one layout that are not alive together: a layout's halo stays zero.
void Network::place_values() {
  struct Slot {
    const Layout* layout;
    std::int64_t bytes;
    bool free;
  };
  std::vector<Slot> slots;
  slot_of_.assign(2, std::vector<int>(plan_->buffers.size(), -1));
  const auto slot_of = [&](Value value) -> int& { return slot_of_[value.plain ? 1 : 0][index(value.buffer)]; };
  const auto fits = [&](const Slot& slot, Value value) {
    const Layout* wanted = value.plain ? nullptr : layout(value.buffer);
    if (wanted == nullptr || slot.layout == nullptr)
      return wanted == slot.layout && slot.bytes == plan_->buffers[index(value.buffer)].count() * 4 * block_;
    return *wanted == *slot.layout;
  };
  const auto dies = [&](Value value, std::size_t o) {
    for (std::size_t later = o + 1; later < operations_.size(); ++later)
      for (const Value read : operations_[later].reads)
        if (read == value) return false;
    return !(value == Value{plan_->logits, true});
  };
  for (std::size_t o = 0; o < operations_.size(); ++o) {
    const Operation& operation = operations_[o];
    const Value output = operation.writes;
    int& slot = slot_of(output);
    // The residual's place, if it is not read anywhere else any more.
    const bool adds = operation.stage != nullptr && operation.shortcut == nullptr && operation.stage->residual > 0;
    const Value last = operation.reads.empty() ? Value{} : operation.reads.back();
    const bool once = std::count(operation.reads.begin(), operation.reads.end(), last) == 1;
    const bool in_place = adds && !last.plain && once && dies(last, o) && fits(slots[index(slot_of(last))], output);
    if (in_place) slot = slot_of(last);
    for (std::size_t i = 0; slot < 0 && i < slots.size(); ++i)
      if (slots[i].free && fits(slots[i], output)) slot = static_cast<int>(i);
    if (slot < 0) {
      slot = static_cast<int>(slots.size());
      const Layout* wanted = output.plain ? nullptr : layout(output.buffer);
      const std::int64_t plain_bytes = plan_->buffers[index(output.buffer)].count() * 4 * block_;
      slots.push_back({wanted, wanted != nullptr ? wanted->bytes(block_) : plain_bytes, false});
    }
    for (const Value read : operation.reads)
      if (read.buffer > 0 && dies(read, o)) slots[index(slot_of(read))].free = true;
    slots[index(slot)].free = dies(output, o);
  }
  for (const Slot& slot : slots) slots_.emplace_back(static_cast<std::size_t>(slot.bytes / 64 + 1) + kPage);
}

std::byte* Network::data(Value value) const {
  if (value.buffer == 0 && value.plain) return nullptr;
  const auto slot = index(slot_of_[value.plain ? 1 : 0][index(value.buffer)]);
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
  switch (placement_.kernels[index(static_cast<int>(&stage - plan_->stages.data()))]) {
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
