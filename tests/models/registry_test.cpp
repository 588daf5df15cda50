#include "models/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <cmath>
#include <map>

#include "core/backend.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

// Of the networks as PyTorch counts them: the reference tool's, and kuangliu/pytorch-cifar's for the others.
const std::map<std::string, std::int64_t> kParameters{
    {"vgg9", 2789706},
    {"vgg11", 9225610},
    {"vgg11-bn", 9231114},
    {"vgg13", 9410122},
    {"vgg13-bn", 9416010},
    {"vgg16", 14719818},
    {"vgg16-bn", 14728266},
    {"vgg19", 20029514},
    {"vgg19-bn", 20040522},
    {"resnet20", 272474},
    {"resnet20-noshort", 269722},
    {"resnet32", 466906},
    {"resnet32-noshort", 464154},
    {"resnet44", 661338},
    {"resnet44-noshort", 658586},
    {"resnet56", 855770},
    {"resnet56-noshort", 853018},
    {"resnet110", 1730714},
    {"resnet110-noshort", 1727962},
    {"wrn56-2", 3412394},
    {"wrn56-2-noshort", 3401770},
    {"wrn56-4", 13628234},
    {"wrn56-4-noshort", 13586506},
    {"wrn56-8", 54470282},
    {"wrn56-8-noshort", 54304906},
    {"resnet18", 11173962},
    {"resnet18-noshort", 11000138},
    {"resnet34", 21282122},
    {"resnet34-noshort", 21108298},
    {"resnet50", 23520842},
    {"resnet50-noshort", 20744266},
    {"resnet101", 42512970},
    {"resnet101-noshort", 39736394},
    {"resnet152", 58156618},
    {"resnet152-noshort", 55380042},
    {"densenet121", 6956298},
};

class RegistryModel : public testing::TestWithParam<std::string> {};

TEST_P(RegistryModel, HasItsParameterCount) {
  const State state = initialize(find_model(GetParam()), 1, cpu_backend());
  ASSERT_TRUE(kParameters.contains(GetParam()));
  EXPECT_EQ(state.parameter_count(), kParameters.at(GetParam()));
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, RegistryModel, testing::ValuesIn(model_names()), test_name);

std::int64_t perturbed_count(const State& state) {  // of tensors with two or more dimensions
  std::int64_t count = 0;
  for (const Tensor& parameter : state.parameters())
    if (parameter.rank() > 1) count += parameter.size();
  return count;
}

TEST(Registry, PerturbedParametersAreThoseOfTheReference) {
  for (const auto& [name, count] : std::map<std::string, std::int64_t>{
           {"resnet20", 270896}, {"resnet56", 851504}, {"resnet110", 1722416}, {"vgg9", 2785472}})
    EXPECT_EQ(perturbed_count(initialize(find_model(name), 1, cpu_backend())), count) << name;
}

std::vector<std::string> names_with(const State& state, const std::string& prefix) {
  std::vector<std::string> names;
  for (const Entry& entry : state.entries())
    if (entry.name.starts_with(prefix)) names.push_back(entry.name.substr(prefix.size()));
  return names;
}

std::vector<std::string> batch_norm_names(const std::string& name) {
  return {name + ".weight", name + ".bias", name + ".running_mean", name + ".running_var",
          name + ".num_batches_tracked"};
}

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const std::vector<std::string>& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

TEST(Registry, NamesStandInPyTorchsOrder) {
  const State basic = initialize(find_model("resnet20"), 1, cpu_backend());
  EXPECT_EQ(names_with(basic, "layer2.0."), joined({{"conv1.weight"},
                                                    batch_norm_names("bn1"),
                                                    {"conv2.weight"},
                                                    batch_norm_names("bn2"),
                                                    {"shortcut.0.weight"},
                                                    batch_norm_names("shortcut.1")}));
  EXPECT_EQ(names_with(basic, "layer2.1."),
            joined({{"conv1.weight"}, batch_norm_names("bn1"), {"conv2.weight"}, batch_norm_names("bn2")}));
  EXPECT_EQ(basic.entries().front().name, "conv1.weight");
  EXPECT_EQ(basic.entries().back().name, "linear.bias");

  const State bottleneck = initialize(find_model("resnet50"), 1, cpu_backend());
  EXPECT_EQ(names_with(bottleneck, "layer1.0."), joined({{"conv1.weight"},
                                                         batch_norm_names("bn1"),
                                                         {"conv2.weight"},
                                                         batch_norm_names("bn2"),
                                                         {"conv3.weight"},
                                                         batch_norm_names("bn3"),
                                                         {"shortcut.0.weight"},
                                                         batch_norm_names("shortcut.1")}));
  EXPECT_TRUE(names_with(initialize(find_model("resnet50-noshort"), 1, cpu_backend()), "layer1.0.shortcut").empty());

  const State vgg = initialize(find_model("vgg9"), 1, cpu_backend());
  std::vector<std::string> convolutions;
  for (const Entry& entry : vgg.entries())
    if (entry.value.rank() > 1) convolutions.push_back(entry.name);
  EXPECT_EQ(convolutions, (std::vector<std::string>{"features.0.weight", "features.3.weight", "features.7.weight",
                                                    "features.10.weight", "features.14.weight", "features.17.weight",
                                                    "features.20.weight", "fc.0.weight", "classifier.weight"}));
  EXPECT_EQ(names_with(vgg, "features.21."),
            (std::vector<std::string>{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}));

  const State dense = initialize(find_model("densenet121"), 1, cpu_backend());
  EXPECT_EQ(names_with(dense, "dense4.15."),
            joined({batch_norm_names("bn1"), {"conv1.weight"}, batch_norm_names("bn2"), {"conv2.weight"}}));
  EXPECT_EQ(names_with(dense, "trans3."), joined({batch_norm_names("bn"), {"conv.weight"}}));
}

TEST(Registry, InitialisesAsTheRecipe) {
  const State state = initialize(find_model("vgg9"), 3, cpu_backend());
  for (const Entry& entry : state.entries()) {
    if (entry.role == Role::batches_tracked) {
      EXPECT_EQ(entry.value.item(), 0);
      continue;
    }
    const std::vector<float> values = entry.value.to_vector<float>();
    double mean = 0, square = 0;
    for (const float value : values) mean += value, square += static_cast<double>(value) * value;
    const double n = static_cast<double>(values.size());
    mean /= n, square /= n;
    if (entry.role != Role::weight) {
      const bool one = entry.role == Role::gamma || entry.role == Role::running_variance;
      for (const float value : values) ASSERT_EQ(value, one ? 1 : 0) << entry.name;
      continue;
    }
    const double variance =
        entry.value.rank() == 4 ? 2 * static_cast<double>(entry.value.dim(0)) / n : 1e-6;  // 2 / fan-in
    EXPECT_LE(std::abs(mean), 5 * std::sqrt(variance / n)) << entry.name;
    EXPECT_LE(std::abs(square / variance - 1), 5 * std::sqrt(2 / n)) << entry.name;
  }
}

TEST(Registry, InitialisationIsAFunctionOfTheSeed) {
  const Model model = find_model("resnet20");
  const auto filters = [&](std::uint64_t seed) {
    return initialize(model, seed, cpu_backend())["layer1.0.conv1.weight"].to_vector<float>();
  };
  EXPECT_EQ(filters(1), filters(1));
  EXPECT_NE(filters(1), filters(2));
  const State state = initialize(model, 1, cpu_backend());
  EXPECT_NE(state["layer1.0.conv1.weight"].to_vector<float>(), state["layer1.0.conv2.weight"].to_vector<float>());
}

TEST(Registry, ClassesAreAnArgument) {
  const State state = initialize(find_model("resnet20", 100), 1, cpu_backend());
  EXPECT_EQ(state["linear.weight"].shape(), Shape({100, 64}));
  expect_error([] { find_model("resnet20", 0); }, {"0 classes"});
}

TEST(Registry, BuildsOtherDepthsAndWidths) {
  EXPECT_EQ(initialize(find_model("resnet26"), 1, cpu_backend()).find("layer1.3.conv1.weight")->value.dim(0), 16);
  EXPECT_EQ(initialize(find_model("wrn8-3-noshort"), 1, cpu_backend())["layer3.0.conv1.weight"].shape(),
            Shape({192, 3, 3, 96}));
}

TEST(Registry, NamesTheNearest) {
  expect_error([] { find_model("resnet56-noshrt"); }, {"resnet56-noshrt", "resnet56-noshort"});
  for (const char* name : {"", "resnet", "resnet21", "resnet020", "resnet20x", "wrn56", "wrn56-0", "vgg9-bn",
                           "vgg16-noshort", "resnet20-noshort-noshort", "resnet99999999999999999999"})
    expect_error([&] { find_model(name); }, {name});
}

}  // namespace
}  // namespace basin
