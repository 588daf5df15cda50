#include "landscape/amx/schedule.h"

#include <algorithm>

namespace basin::amx {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

const Layout* layout_of(const Placement& placement, int buffer) {
  const auto& found = placement.layouts[index(buffer)];
  return found ? &*found : nullptr;
}

class Lister {
 public:
  Lister(const Plan& plan, const Placement& placement) : plan_(plan), placement_(placement) {}

  std::vector<Operation> list() {
    for (std::size_t s = 0; s < plan_.stages.size(); ++s) list(s);
    in_form(plan_.logits, true);
    return operations_;
  }

 private:
  void list(std::size_t s);
  Value in_form(int buffer, bool plain);
  const Stage* reader_to_join(const Stage& shortcut, Kernel kernel) const;
  const Stage* shortcut_of(const Stage& stage) const;

  const Plan& plan_;
  const Placement& placement_;
  std::vector<Operation> operations_;
  std::vector<Value> written_{{0, true}};
};

// The convolution that alone reads the shortcut, as what it adds to its own sum; null if there is none.
const Stage* Lister::reader_to_join(const Stage& shortcut, Kernel kernel) const {
  const bool bare = !shortcut.relu && shortcut.residual < 0 && shortcut.output != plan_.logits;
  if (kernel != Kernel::tiles || !bare) return nullptr;
  const Stage* into = nullptr;
  std::ptrdiff_t readers = 0;
  for (std::size_t s = 0; s < plan_.stages.size(); ++s) {
    const Stage& reader = plan_.stages[s];
    readers += std::count(reader.inputs.begin(), reader.inputs.end(), shortcut.output);
    if (reader.residual != shortcut.output) continue;
    ++readers;
    // The kernel for 16 channels takes one input.
    const bool wide =
        placement_.kernels[s] == Kernel::tiles && layout_of(placement_, reader.output)->channels % 32 == 0;
    into = wide ? &reader : nullptr;
  }
  return readers == 1 ? into : nullptr;
}

const Stage* Lister::shortcut_of(const Stage& stage) const {
  for (std::size_t s = 0; &plan_.stages[s] != &stage; ++s)
    if (reader_to_join(plan_.stages[s], placement_.kernels[s]) == &stage) return &plan_.stages[s];
  return nullptr;
}

// The buffer in that form, by a change of form where no stage wrote it so.
Value Lister::in_form(int buffer, bool plain) {
  const Value wanted{buffer, plain};
  if (std::find(written_.begin(), written_.end(), wanted) != written_.end()) return wanted;
  operations_.push_back({.reads = {{buffer, !plain}}, .writes = wanted});
  written_.push_back(wanted);
  return wanted;
}

void Lister::list(std::size_t s) {
  const Stage& stage = plan_.stages[s];
  const Kernel kernel = placement_.kernels[s];
  if (reader_to_join(stage, kernel) != nullptr) return;
  const bool plain = kernel == Kernel::plain;
  Operation operation{.stage = &stage, .shortcut = shortcut_of(stage), .kernel = kernel};
  operation.writes = {stage.output, plain || kernel == Kernel::average_pool};
  if (kernel != Kernel::stem)
    for (const int input : stage.inputs) operation.reads.push_back(in_form(input, plain));
  if (operation.shortcut != nullptr)
    operation.reads.push_back(in_form(operation.shortcut->inputs[0], false));
  else if (stage.residual >= 0)
    operation.reads.push_back(in_form(stage.residual, plain));
  operations_.push_back(operation);
  written_.push_back(operation.writes);
}

class MemoryPlanner {
 public:
  MemoryPlanner(const Plan& plan, const Placement& placement, const std::vector<Operation>& operations,
                std::int64_t block)
      : plan_(plan), placement_(placement), operations_(operations), block_(block) {
    slot_of_.assign(2, std::vector<int>(plan.buffers.size(), -1));
  }

  MemoryPlan plan() {
    for (std::size_t o = 0; o < operations_.size(); ++o) {
      const Operation& operation = operations_[o];
      const int slot = replaces_residual(o) ? slot_of(operation.reads.back()) : free_slot(operation.writes);
      slot_of(operation.writes) = slot;
      for (const Value read : operation.reads)
        if (read.buffer > 0 && dies(read, o)) slots_[index(slot_of(read))].free = true;
      slots_[index(slot)].free = dies(operation.writes, o);
    }
    MemoryPlan result{{}, slot_of_};
    for (const Slot& slot : slots_) result.slots.push_back(slot.bytes);
    return result;
  }

 private:
  struct Slot {
    const Layout* layout;  // null: float32
    std::int64_t bytes;
    bool free;
  };

  int& slot_of(Value value) { return slot_of_[value.plain ? 1 : 0][index(value.buffer)]; }

  Slot wanted(Value value) const {
    if (value.plain) return {nullptr, plan_.buffers[index(value.buffer)].count() * 4 * block_, false};
    const Layout* layout = layout_of(placement_, value.buffer);
    return {layout, layout->bytes(block_), false};
  }

  static bool alike(const Slot& a, const Slot& b) {
    if (a.layout == nullptr || b.layout == nullptr) return a.layout == b.layout && a.bytes == b.bytes;
    return *a.layout == *b.layout;
  }

  bool dies(Value value, std::size_t o) const {
    for (std::size_t later = o + 1; later < operations_.size(); ++later)
      for (const Value read : operations_[later].reads)
        if (read == value) return false;
    return !(value == Value{plan_.logits, true});
  }

  // Whether the operation may write its sums where the residual that they contain was.
  bool replaces_residual(std::size_t o) {
    const Operation& operation = operations_[o];
    if (operation.stage == nullptr || operation.shortcut != nullptr || operation.stage->residual <= 0) return false;
    const Value residual = operation.reads.back();
    const bool once = std::count(operation.reads.begin(), operation.reads.end(), residual) == 1;
    return !residual.plain && once && dies(residual, o) &&
           alike(slots_[index(slot_of(residual))], wanted(operation.writes));
  }

  int free_slot(Value value) {
    const Slot slot = wanted(value);
    const auto found =
        std::find_if(slots_.begin(), slots_.end(), [&](const Slot& other) { return other.free && alike(other, slot); });
    if (found != slots_.end()) return static_cast<int>(found - slots_.begin());
    slots_.push_back(slot);
    return static_cast<int>(slots_.size()) - 1;
  }

  const Plan& plan_;
  const Placement& placement_;
  const std::vector<Operation>& operations_;
  std::int64_t block_;
  std::vector<Slot> slots_;
  std::vector<std::vector<int>> slot_of_;
};

}  // namespace

std::vector<Operation> list_operations(const Plan& plan, const Placement& placement) {
  return Lister(plan, placement).list();
}

MemoryPlan plan_memory(const Plan& plan, const Placement& placement, const std::vector<Operation>& operations,
                       std::int64_t block) {
  return MemoryPlanner(plan, placement, operations, block).plan();
}

}  // namespace basin::amx
