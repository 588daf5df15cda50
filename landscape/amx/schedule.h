// A plan as the operations of the AMX engine, in order, and the memory of what they read and write.
#pragma once
#include <vector>

#include "landscape/amx/placement.h"

namespace basin::amx {

// A buffer of the plan in one of its two forms: as the tiles read it, or float32 (images, H, W, C).
struct Value {
  int buffer = -1;
  bool plain = false;
  bool operator==(const Value&) const = default;
};

struct Operation {
  const Stage* stage = nullptr;     // null: a change of form
  const Stage* shortcut = nullptr;  // a convolution that joins the stage's own sum, in place of its residual
  Kernel kernel = Kernel::plain;
  std::vector<Value> reads = {};  // inputs of the stage but for the stem's, the shortcut's, the residual
  Value writes = {};
};

// The images are Value{0, plain} and come from outside. The logits are written plain.
std::vector<Operation> list_operations(const Plan& plan, const Placement& placement);

// Values that are not alive together share memory if they have one layout: its halo then stays zero.
struct MemoryPlan {
  std::vector<std::int64_t> slots;        // bytes for a block of images
  std::vector<std::vector<int>> slot_of;  // [plain][buffer], -1: none
};

MemoryPlan plan_memory(const Plan& plan, const Placement& placement, const std::vector<Operation>& operations,
                       std::int64_t block);

}  // namespace basin::amx
