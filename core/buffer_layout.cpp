#include "core/buffer_layout.h"

#include <algorithm>

namespace basin {
namespace {

constexpr std::int64_t kAlignment = 16;  // elements: of floats one cache line

// The last stage that reads each buffer; the logits are read after all.
std::vector<std::size_t> last_uses(const Plan& plan) {
  std::vector<std::size_t> last(plan.buffers.size(), 0);
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    for (const int input : plan.stages[s].inputs) last[static_cast<std::size_t>(input)] = s;
    if (plan.stages[s].residual >= 0) last[static_cast<std::size_t>(plan.stages[s].residual)] = s;
  }
  last[static_cast<std::size_t>(plan.logits)] = plan.stages.size();
  return last;
}

// The buffer whose place the stage's output may take, if it dies here; -1: none.
int replaceable(const Plan& plan, const Stage& stage) {
  const auto same_size = [&](int buffer) {
    return plan.buffers[static_cast<std::size_t>(buffer)].count() ==
           plan.buffers[static_cast<std::size_t>(stage.output)].count();
  };
  const bool elementwise = stage.kind == Stage::Kind::affine || stage.kind == Stage::Kind::add;
  const int buffer = elementwise ? stage.inputs[0] : stage.residual;
  const bool also_input =
      !elementwise && std::find(stage.inputs.begin(), stage.inputs.end(), buffer) != stage.inputs.end();
  return buffer > 0 && same_size(buffer) && !also_input ? buffer : -1;
}

class Arena {
 public:
  // The lowest offset where `count` elements are free.
  std::int64_t take(std::int64_t count) {
    count = (count + kAlignment - 1) / kAlignment * kAlignment;
    std::int64_t offset = 0;
    auto before = taken_.begin();
    for (; before != taken_.end() && before->begin - offset < count; ++before) offset = before->end;
    taken_.insert(before, {offset, offset + count});
    size_ = std::max(size_, offset + count);
    return offset;
  }
  void release(std::int64_t offset) {
    std::erase_if(taken_, [offset](const Interval& interval) { return interval.begin == offset; });
  }
  std::int64_t size() const { return size_; }

 private:
  struct Interval {
    std::int64_t begin, end;
  };
  std::vector<Interval> taken_;  // ascending
  std::int64_t size_ = 0;
};

}  // namespace

BufferLayout lay_out(const Plan& plan, bool may_replace) {
  const std::vector<std::size_t> last = last_uses(plan);
  BufferLayout layout;
  layout.offset.assign(plan.buffers.size(), -1);
  Arena arena;
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    const auto output = static_cast<std::size_t>(stage.output);
    const int taken_over = replaceable(plan, stage);
    const bool in_place = may_replace && taken_over > 0 && last[static_cast<std::size_t>(taken_over)] == s;
    layout.in_place.push_back(in_place);
    layout.offset[output] =
        in_place ? layout.offset[static_cast<std::size_t>(taken_over)] : arena.take(plan.buffers[output].count());
    for (std::size_t b = 1; b < plan.buffers.size(); ++b) {
      const bool dies = last[b] == s && layout.offset[b] >= 0 && b != output;
      if (dies && !(in_place && b == static_cast<std::size_t>(taken_over))) arena.release(layout.offset[b]);
    }
  }
  layout.size = arena.size();
  return layout;
}

}  // namespace basin
