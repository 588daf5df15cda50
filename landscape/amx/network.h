// A plan on tiles: what one thread of the AMX engine owns. Activations of a block of images stay in the second-level
// cache through all layers.
#pragma once
#include <memory>
#include <vector>

#include "landscape/amx/placement.h"
#include "landscape/amx/step.h"
#include "landscape/block_evaluator.h"

namespace basin::amx {

class Network final : public BlockNetwork {
 public:
  // `plan` outlives it; `block` is a multiple of largest_span(plan, ...).
  Network(const Plan& plan, const Plane& plane, std::int64_t block, std::int64_t parts);

  void set_point(const Point& point) override;
  const float* run(const std::byte* images, std::int64_t count, double bound) override;

 private:
  // A buffer of the plan in one of its two forms.
  struct Value {
    int buffer = -1;
    bool plain = false;
    bool operator==(const Value&) const = default;
  };
  struct Operation {
    const Stage* stage = nullptr;     // null: a change of form
    const Stage* shortcut = nullptr;  // joins
    std::vector<Value> reads = {};    // inputs of the stage, the shortcut's, the residual
    Value writes = {};
  };

  void list_operations();
  void list(std::size_t stage);
  Value in_form(int buffer, bool plain);
  bool joins(std::size_t stage, std::size_t& into) const;
  void place_values();
  void make_steps();
  std::unique_ptr<Step> make_step(const Operation& operation);
  std::unique_ptr<Step> make_contraction(const Operation& operation);
  std::byte* data(Value value) const;
  const Layout* layout(int buffer) const;
  bool may_overflow(std::size_t step, std::int64_t count);

  const Plan* plan_;
  Plane plane_;
  std::int64_t block_;
  Placement placement_;
  std::vector<Operation> operations_;
  std::vector<Value> written_;
  std::vector<std::vector<CacheLine>> slots_;
  std::vector<std::vector<int>> slot_of_;  // [plain][buffer], -1: none
  std::vector<std::unique_ptr<Step>> steps_;
  std::int64_t span_ = 1;
  std::vector<double> bounds_;
};

}  // namespace basin::amx
