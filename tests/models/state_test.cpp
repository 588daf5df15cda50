#include "models/state.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/backend.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

template <class T>
Tensor counting(const Shape& shape) {
  std::vector<T> values(static_cast<std::size_t>(shape.count()));
  std::iota(values.begin(), values.end(), T(0));
  return Tensor::from(shape, values, cpu_backend());
}

State small_state() {
  State state;
  state.add({.name = "conv.weight", .role = Role::weight, .value = counting<float>({2, 1, 3, 5})});
  state.add({.name = "bn.weight", .role = Role::gamma, .value = counting<float>({2})});
  state.add({.name = "bn.running_mean", .role = Role::running_mean, .value = counting<float>({2})});
  return state;
}

TEST(State, FindsByName) {
  const State state = small_state();
  EXPECT_EQ(state["bn.weight"].shape(), Shape({2}));
  EXPECT_EQ(state.find("bn"), nullptr);
  expect_error([&] { state["bn"]; }, {"no tensor bn"});
}

TEST(State, RefusesARepeatedName) {
  State state = small_state();
  expect_error([&] { state.add({.name = "bn.weight", .value = counting<float>({1})}); }, {"bn.weight", "twice"});
  EXPECT_EQ(state.entries().size(), 3u);
}

TEST(State, ParametersLeaveStatisticsOut) {
  const State state = small_state();
  EXPECT_EQ(state.parameters().size(), 2u);
  EXPECT_EQ(state.parameter_count(), 32);
}

TEST(State, SetParametersChecksEverythingFirst) {
  State state = small_state();
  const void* before = state["conv.weight"].identity();
  const Tensor filters = counting<float>({2, 1, 3, 5});
  expect_error([&] { state.set_parameters({filters}); }, {"1 values for 2 parameters"});
  expect_error([&] { state.set_parameters({filters, counting<float>({3})}); }, {"bn.weight", "(2)", "(3)"});
  expect_error([&] { state.set_parameters({filters, counting<double>({2})}); }, {"bn.weight", "f32", "f64"});
  EXPECT_EQ(state["conv.weight"].identity(), before);
  state.set_parameters({filters, counting<float>({2})});
  EXPECT_EQ(state["conv.weight"].identity(), filters.identity());
}

TEST(State, CopiesShareAndClonesDoNot) {
  State state = small_state();
  const State copy = state, clone = state.clone();
  state["bn.weight"].mutable_view().as<float>()[0] = 7;
  EXPECT_EQ(copy["bn.weight"].to_vector<float>()[0], 7);
  EXPECT_EQ(clone["bn.weight"].to_vector<float>()[0], 0);
  EXPECT_EQ(clone.find("bn.weight")->role, Role::gamma);
}

TEST(FileLayout, FiltersBecomeOIHW) {
  const Shape shape{2, 2, 3, 5};
  const Entry entry{.name = "w", .role = Role::weight, .value = counting<float>(shape)};
  EXPECT_EQ(file_shape(entry), Shape({2, 5, 2, 3}));
  const Tensor file = to_file_layout(entry, entry.value);
  ASSERT_EQ(file.shape(), file_shape(entry));
  const std::vector<float> values = file.to_vector<float>();
  std::size_t at = 0;
  for (int k = 0; k < 2; ++k)
    for (int c = 0; c < 5; ++c)
      for (int r = 0; r < 2; ++r)
        for (int s = 0; s < 3; ++s) EXPECT_EQ(values[at++], static_cast<float>(((k * 2 + r) * 3 + s) * 5 + c));
  EXPECT_EQ(from_file_layout(entry, file).to_vector<float>(), entry.value.to_vector<float>());
}

TEST(FileLayout, FlattenedColumnsBecomeCHW) {
  Entry entry{.name = "w", .role = Role::weight, .value = counting<double>({2, 24})};
  EXPECT_EQ(to_file_layout(entry, entry.value).to_vector<double>(), entry.value.to_vector<double>());
  entry.flattened_height = 2;
  entry.flattened_width = 3;
  entry.flattened_channels = 4;
  const Tensor file = to_file_layout(entry, entry.value);
  ASSERT_EQ(file.shape(), Shape({2, 24}));
  const std::vector<double> values = file.to_vector<double>();
  std::size_t at = 0;
  for (int o = 0; o < 2; ++o)
    for (int c = 0; c < 4; ++c)
      for (int h = 0; h < 2; ++h)
        for (int w = 0; w < 3; ++w) EXPECT_EQ(values[at++], ((o * 2 + h) * 3 + w) * 4 + c);
  EXPECT_EQ(from_file_layout(entry, file).to_vector<double>(), entry.value.to_vector<double>());
}

TEST(FileLayout, TakesAnyDType) {
  const Entry entry{.name = "w", .role = Role::weight, .value = counting<float>({1, 1, 2, 3})};
  const Tensor bytes = counting<std::uint8_t>({1, 1, 2, 3});
  const Tensor file = to_file_layout(entry, bytes);
  EXPECT_EQ(file.to_vector<std::uint8_t>(), (std::vector<std::uint8_t>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(from_file_layout(entry, file).to_vector<std::uint8_t>(), bytes.to_vector<std::uint8_t>());
  expect_error([&] { to_file_layout(entry, file); }, {"w", "(1, 3, 1, 2)", "(1, 1, 2, 3)"});
}

TEST(FileLayout, LeavesVectorsAndScalarsAlone) {
  const Entry entry{.name = "n", .role = Role::batches_tracked, .value = counting<std::int64_t>({})};
  EXPECT_EQ(file_shape(entry), Shape({}));
  EXPECT_EQ(to_file_layout(entry, entry.value).shape(), Shape({}));
}

}  // namespace
}  // namespace basin
