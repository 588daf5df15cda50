// A plan on tiles: what one thread of the AMX engine owns. Activations of a block of images stay in the second-level
// cache through all layers.
#pragma once
#include <memory>
#include <vector>

#include "landscape/amx/schedule.h"
#include "landscape/amx/step.h"
#include "landscape/block_evaluator.h"

namespace basin::amx {

class Network final : public BlockNetwork {
 public:
  // `plan` outlives it. `block`: images, a multiple of what each step computes at once, else Error. parts: 1 or 2.
  Network(const Plan& plan, const Plane& plane, std::int64_t block, std::int64_t parts);

  void set_point(const Point& point) override;
  const float* run(const std::byte* images, std::int64_t count, double bound) override;

 private:
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
  MemoryPlan memory_;
  std::vector<std::vector<CacheLine>> slots_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::int64_t span_ = 1;
  std::vector<double> bounds_;
};

}  // namespace basin::amx
