#include "landscape/parameter_space.h"

#include <gtest/gtest.h>

#include "core/backend.h"
#include "models/registry.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

class ParameterSpaceTest : public testing::Test {
 protected:
  State state_ = initialize(find_model("resnet20"), 1, cpu_backend());
};

TEST_F(ParameterSpaceTest, CountsAsTheModelsDo) {
  EXPECT_EQ(ParameterSpace(state_, {"all"}).size(), 272474);
  EXPECT_EQ(ParameterSpace(state_, {"matrices"}).size(), 270896);
  EXPECT_EQ(ParameterSpace(state_, {"linear"}).size(), 650);
  EXPECT_EQ(ParameterSpace(state_, {"linear.bias"}).size(), 10);
  EXPECT_EQ(ParameterSpace(state_, {"linear,conv1"}).size(), 650 + 432);
}

TEST_F(ParameterSpaceTest, TakesNamesAsAWhole) {
  // "layer1.0.conv1" and not all that begins with these letters; "layer1.0" is not "layer1.01".
  EXPECT_EQ(ParameterSpace(state_, {"layer1.0.conv1"}).size(), 16 * 16 * 9);
  expect_error([&] { ParameterSpace(state_, {"layer1.0.conv"}); },
               {"--parameters", "'layer1.0.conv'", "layer1.0.conv1"});
  expect_error([&] { ParameterSpace(state_, {"matrixes"}); }, {"'matrixes'", "did you mean matrices?"});
  expect_error([&] { ParameterSpace(state_, {""}); }, {"begins with ''"});
  expect_error([&] { ParameterSpace(state_, {"bn1.running_mean"}); }, {"'bn1.running_mean'"});
}

TEST_F(ParameterSpaceTest, PutsAVectorInPlace) {
  const ParameterSpace space(state_, {"matrices"});
  const Tensor vector = normal({space.size()}, 3, 4, DType::f32, cpu_backend());
  const State moved = space.at(state_, vector);
  EXPECT_EQ(space.flatten(moved, DType::f32, cpu_backend()).to_vector<float>(), vector.to_vector<float>());
  EXPECT_EQ(space.join(space.views(vector)).to_vector<float>(), vector.to_vector<float>());
  EXPECT_EQ(moved["bn1.weight"].to_vector<float>(), state_["bn1.weight"].to_vector<float>());
  const Direction direction = space.direction(state_, vector);
  EXPECT_EQ(space.flatten(direction.tensors, DType::f32, cpu_backend()).to_vector<float>(), vector.to_vector<float>());
  std::size_t moving = 0;
  for (const Tensor& tensor : direction.tensors) moving += tensor.defined() ? 1 : 0;
  EXPECT_EQ(moving, space.parameters(state_).size());
  EXPECT_NEAR(norm(direction), length(vector), 1e-4);
}

TEST_F(ParameterSpaceTest, InDoublePrecision) {
  const ParameterSpace space(state_, {"all"});
  const Tensor vector = space.flatten(state_, DType::f64, cpu_backend());
  const State exact = space.at(state_, vector);
  for (const Entry& entry : exact.entries())
    if (entry.role != Role::batches_tracked) {
      EXPECT_EQ(entry.value.dtype(), DType::f64) << entry.name;
    }
  EXPECT_EQ(exact["bn1.running_var"].to_vector<double>()[3], 1);
}

}  // namespace
}  // namespace basin
