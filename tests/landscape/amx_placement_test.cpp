// Which stages of a network run on tiles. Runs on any processor.
#include "landscape/amx/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "landscape/engines.h"
#include "tests/landscape/small_networks.h"
#include "tests/models/network_values.h"

namespace basin::amx {
namespace {

struct Planned {
  explicit Planned(const Model& model) : state(initialize(model, 1, cpu_backend())), plan(trace(model, state)) {}
  explicit Planned(const std::string& name) : Planned(find_model(name)) {}
  State state;
  Plan plan;
};

std::size_t index(int i) { return static_cast<std::size_t>(i); }

std::int64_t interleaved(std::int64_t width) { return 16 / std::gcd(std::int64_t{16}, width); }

const Shape& weight_shape(const Planned& planned, const Stage& stage) {
  return planned.state.entries()[index(stage.weight)].value.shape();
}

const Stage& find_stage(const Planned& planned, const std::string& weight) {
  for (const Stage& stage : planned.plan.stages)
    if (stage.weight >= 0 && planned.state.entries()[index(stage.weight)].name == weight) return stage;
  throw std::runtime_error("no stage " + weight);
}

Kernel kernel_of(const Planned& planned, const Placement& placement, const std::string& weight) {
  return placement.kernels[index(static_cast<int>(&find_stage(planned, weight) - planned.plan.stages.data()))];
}

TEST(AmxPlacement, ResnetsAndVggsAreOnTilesButForLinearLayers) {
  for (const char* name : {"resnet20", "resnet56", "resnet110-noshort", "wrn56-2", "vgg9", "vgg11", "vgg16-bn",
                           "resnet18", "resnet34-noshort", "resnet50-noshort"}) {
    const Planned planned{std::string(name)};
    const Placement placement = place(planned.plan, planned.state, 2);
    ASSERT_EQ(placement.kernels.size(), planned.plan.stages.size());
    EXPECT_EQ(placement.kernels.front(), Kernel::stem) << name;
    for (std::size_t s = 0; s < placement.kernels.size(); ++s) {
      const bool linear = planned.plan.stages[s].kind == Stage::Kind::linear;
      EXPECT_EQ(placement.kernels[s] == Kernel::plain, linear) << name << ", stage " << s;
    }
    EXPECT_GE(share_on_tiles(planned.plan, planned.state), 0.99) << name;
  }
}

Model small_network_named(const std::string& name) {
  for (const Model& model : small_networks())
    if (model.name == name) return model;
  throw std::runtime_error("no network " + name);
}

TEST(AmxPlacement, SharesOfTheMultiplyAdds) {
  const auto share = [](const Planned& planned) { return share_on_tiles(planned.plan, planned.state); };
  // Its batch norms and concatenations outweigh its convolutions.
  EXPECT_LT(share(Planned{std::string("densenet121")}), 0.9);
  // Two projections of stride 2 read what a 1 x 1 convolution of stride 1 needs in another layout.
  const double resnet50 = share(Planned{std::string("resnet50")});
  EXPECT_TRUE(resnet50 >= kWorthwhileShare && resnet50 < 0.96) << resnet50;
  EXPECT_LT(share(Planned(small_network_named("strange"))), 0.05);
  const double disagreeing = share(Planned(small_network_named("disagreeing")));
  EXPECT_TRUE(disagreeing > 0.5 && disagreeing < 0.7) << disagreeing;
}

// What the steps of a network take for granted.
void expect_consistent(const Planned& planned, const Placement& placement) {
  const Plan& plan = planned.plan;
  const auto layout = [&](int buffer) -> const std::optional<Layout>& { return placement.layouts[index(buffer)]; };
  ASSERT_EQ(placement.layouts.size(), plan.buffers.size());
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const Stage& stage = plan.stages[s];
    const Kernel kernel = placement.kernels[s];
    SCOPED_TRACE(testing::Message() << plan.model << ", stage " << s);
    if (kernel == Kernel::plain) continue;
    if (kernel != Kernel::average_pool) {
      ASSERT_TRUE(layout(stage.output));
      EXPECT_GE(layout(stage.output)->channels, plan.buffers[index(stage.output)].back());
    }
    if (kernel == Kernel::stem) {
      EXPECT_EQ(stage.inputs[0], 0);
      continue;
    }
    EXPECT_NE(stage.inputs[0], 0);
    ASSERT_TRUE(layout(stage.inputs[0]));
    const Layout& x = *layout(stage.inputs[0]);
    EXPECT_TRUE(x.channels == 16 || x.channels % 32 == 0);
    if (kernel == Kernel::max_pool) {
      EXPECT_EQ(x.channels, layout(stage.output)->channels);
      EXPECT_NE(x.channels, 16);
    }
    if (kernel != Kernel::tiles) {
      EXPECT_FALSE(x.split);
      continue;
    }
    const Layout& y = *layout(stage.output);
    EXPECT_EQ(x.images, interleaved(plan.buffers[index(stage.output)][1]));
    EXPECT_EQ(x.split, stage.conv.stride == 2 && x.images > 1);
    if (stage.residual >= 0) {
      ASSERT_TRUE(layout(stage.residual));
      EXPECT_EQ(layout(stage.residual)->channels, y.channels);
    }
    if (y.channels == 16) {  // what contract_16_rows can do
      EXPECT_EQ(x.channels, 16);
      EXPECT_EQ(weight_shape(planned, stage)[1], 3);
      EXPECT_EQ(stage.conv.stride, 1);
      EXPECT_EQ(x.images, 1);
      EXPECT_EQ(y.height % 4, 0);
    }
  }
}

TEST(AmxPlacement, ReadersOfABufferAgreeOnItsLayout) {
  for (const Model& model : small_networks()) {
    const Planned planned(model);
    for (const std::int64_t parts : {1, 2}) {
      const Placement placement = place(planned.plan, planned.state, parts);
      expect_consistent(planned, placement);
      for (const auto& layout : placement.layouts) EXPECT_TRUE(!layout || layout->parts == parts);
    }
  }
  for (const char* name : {"resnet20", "vgg11", "densenet121", "resnet50-noshort"}) {
    const Planned planned{std::string(name)};
    expect_consistent(planned, place(planned.plan, planned.state, 2));
  }
}

TEST(AmxPlacement, SixteenChannelsStaySixteenWhereTheirKernelsReach) {
  const Planned planned{std::string("resnet20")};
  const Placement placement = place(planned.plan, planned.state, 2);
  const auto channels_behind = [&](const std::string& weight) {
    return placement.layouts[index(find_stage(planned, weight).output)]->channels;
  };
  EXPECT_EQ(channels_behind("conv1.weight"), 16);
  EXPECT_EQ(channels_behind("layer1.2.conv2.weight"), 16);
  EXPECT_EQ(channels_behind("layer2.0.conv1.weight"), 32);
}

TEST(AmxPlacement, TheCostlierReaderGetsItsLayout) {
  const Planned planned(small_network_named("disagreeing"));
  const Placement placement = place(planned.plan, planned.state, 2);
  // 8 x 8 at stride 1 has twice the products of 4 x 4 with twice the filters.
  EXPECT_EQ(kernel_of(planned, placement, "c.conv.weight"), Kernel::tiles);
  EXPECT_EQ(kernel_of(planned, placement, "half.conv.weight"), Kernel::plain);
  EXPECT_EQ(kernel_of(planned, placement, "d.conv.weight"), Kernel::tiles);
}

// Each change to a convolution that tiles can do makes it one that they cannot.
TEST(AmxPlacement, WhatTilesCannotDoRunsPlain) {
  Planned planned{std::string("resnet20")};
  const auto stage =
      static_cast<std::size_t>(&find_stage(planned, "layer1.0.conv1.weight") - planned.plan.stages.data());
  const auto kernel_with = [&](const Conv2d& conv) {
    Plan plan = planned.plan;
    plan.stages[stage].conv = conv;
    return place(plan, planned.state, 2).kernels[stage];
  };
  EXPECT_EQ(kernel_with({.padding = 1}), Kernel::tiles);
  EXPECT_EQ(kernel_with({.padding = 1, .groups = 2}), Kernel::plain);
  EXPECT_EQ(kernel_with({.padding = 0}), Kernel::plain);
  EXPECT_EQ(kernel_with({.padding = 2}), Kernel::plain);
  EXPECT_EQ(kernel_with({.stride = 3, .padding = 1}), Kernel::plain);
}

}  // namespace
}  // namespace basin::amx
