#include "core/buffer_layout.h"

#include <gtest/gtest.h>

#include "models/plan.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

// Walks through the plan and marks which buffer owns each float: no stage may write over what is still read.
void expect_sound(const std::string& name) {
  const Model model = find_model(name);
  const Plan plan = trace(model, initialize(model, 1, cpu_backend()));
  const BufferLayout layout = lay_out(plan);
  std::vector<int> owner(static_cast<std::size_t>(layout.size), -1);
  const auto holds = [&](int buffer) {
    if (buffer == 0) return true;
    const auto begin = static_cast<std::size_t>(layout.offset[static_cast<std::size_t>(buffer)]);
    const auto size = static_cast<std::size_t>(plan.buffers[static_cast<std::size_t>(buffer)].count());
    for (std::size_t i = begin; i < begin + size; ++i)
      if (owner[i] != buffer) return false;
    return true;
  };
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    const auto output = static_cast<std::size_t>(stage.output);
    const auto begin = static_cast<std::size_t>(layout.offset[output]);
    const auto size = static_cast<std::size_t>(plan.buffers[output].count());
    ASSERT_LE(begin + size, owner.size()) << name << " stage " << s;
    ASSERT_TRUE(stage.residual < 0 || holds(stage.residual)) << name << " stage " << s;
    for (const int input : stage.inputs) {
      ASSERT_TRUE(holds(input)) << name << " stage " << s << " buffer " << input;
      // A contraction reads its input while it writes; only elementwise stages may work in place.
      const auto in = static_cast<std::size_t>(layout.offset[static_cast<std::size_t>(input)]);
      const auto in_size = static_cast<std::size_t>(plan.buffers[static_cast<std::size_t>(input)].count());
      const bool apart = input == 0 || in + in_size <= begin || begin + size <= in;
      const bool elementwise = stage.kind == Stage::Kind::affine || stage.kind == Stage::Kind::add;
      ASSERT_TRUE(apart || (elementwise && layout.in_place[s])) << name << " stage " << s;
    }
    std::fill_n(owner.begin() + static_cast<std::ptrdiff_t>(begin), size, stage.output);
  }
  EXPECT_TRUE(holds(plan.logits)) << name;
}

TEST(BufferLayout, NeverOverwritesWhatIsStillRead) {
  for (const char* name : {"resnet20", "resnet20-noshort", "vgg9", "densenet121"}) expect_sound(name);
}

TEST(BufferLayout, ResidualNetworksNeedTwoBuffers) {
  const Model model = find_model("resnet20");
  const Plan plan = trace(model, initialize(model, 1, cpu_backend()));
  EXPECT_EQ(lay_out(plan).size, 2 * 32 * 32 * 16);
}

}  // namespace
}  // namespace basin
