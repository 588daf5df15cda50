#include <gtest/gtest.h>

#include <cmath>

#include "core/cpu/convolution_loops.h"
#include "core/random.h"
#include "cuda/grid/generic/point_contraction.h"
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

struct Case {
  std::string name;
  PointContraction contraction;
  bool residual = false;
  bool in_place = false;  // the residual is where y goes
};

std::vector<double> draw(std::int64_t count, const char* what, bool integers) {
  const Random random(5, random_stream(what));
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    values.push_back(integers ? static_cast<double>(random.below(5, index)) - 2 : random.normal(index));
  }
  return values;
}

template <class T>
std::vector<T> as(const std::vector<double>& values) {
  std::vector<T> result;
  for (const double value : values) result.push_back(stored<T>(value));
  return result;
}
template <class T>
std::vector<double> back(const std::vector<T>& values) {
  std::vector<double> result;
  for (const T value : values) result.push_back(number(value));
  return result;
}

// Operands of a case, and what they give in double.
template <class T>
struct Values {
  Values(const Case& c, bool integers) {
    const PointContraction& z = c.contraction;
    const std::int64_t points = z.points, inputs = z.images * z.x.count(), outputs = z.images * z.y.count();
    x = as<T>(draw((z.shared_input ? 1 : points) * inputs, "x", integers));
    weight_stride = (z.weight.count() + 7) / 8 * 8 + 8;
    shift_stride = (z.y[2] + 3) / 4 * 4;
    weights = as<T>(draw(points * weight_stride, "weights", integers));
    for (const double value : draw(points * shift_stride, "shifts", integers))
      shifts.push_back(static_cast<float>(value));
    if (c.residual) residual = as<T>(draw(points * outputs, "residual", integers));
    const std::vector<double> wide_x = back(x), wide_weights = back(weights), wide_residual = back(residual);
    const Shape images_x{z.images, z.x[0], z.x[1], z.x[2]}, images_y{z.images, z.y[0], z.y[1], z.y[2]};
    for (std::int64_t k = 0; k < points; ++k) {
      std::vector<double> y(static_cast<std::size_t>(outputs));
      cpu::convolution_loops({images_x, z.weight, images_y, z.options},
                             wide_x.data() + (z.shared_input ? 0 : k * inputs), wide_weights.data() + k * weight_stride,
                             y.data());
      for (std::int64_t i = 0; i < outputs; ++i) {
        double value = y[static_cast<std::size_t>(i)] +
                       static_cast<double>(shifts[static_cast<std::size_t>(k * shift_stride + i % z.y[2])]);
        if (c.residual) value += wide_residual[static_cast<std::size_t>(k * outputs + i)];
        exact.push_back(z.relu ? std::max(value, 0.0) : value);
      }
    }
  }
  std::vector<T> x, weights, residual;
  std::vector<float> shifts;
  std::int64_t weight_stride = 0, shift_stride = 0;
  std::vector<double> exact;
};

template <class T, class U>
struct Found {
  std::vector<U> y;
  std::vector<std::int32_t> overflowed;
};

template <class T, class U = T>
Found<T, U> contract(const Case& c, const Values<T>& values) {
  const PointContraction& z = c.contraction;
  const auto count = [](const auto& list) { return Shape{static_cast<std::int64_t>(list.size())}; };
  const DeviceArray<T> x(count(values.x), values.x), weights(count(values.weights), values.weights);
  const DeviceArray<float> shifts(count(values.shifts), values.shifts);
  const Shape outputs{z.points, z.images, z.y[0], z.y[1], z.y[2]};
  const std::vector<U> others = as<U>(back(values.residual));
  const DeviceArray<U> residual(count(others), others);
  const DeviceArray<U> y = c.in_place ? DeviceArray<U>(outputs, others) : DeviceArray<U>(outputs);
  const DeviceArray<std::int32_t> overflowed({z.points, z.images},
                                             std::vector<std::int32_t>(static_cast<std::size_t>(z.points * z.images)));
  PointOperands in{.x = x.view(),
                   .weights = weights.data(),
                   .weight_stride = values.weight_stride,
                   .shifts = shifts.data(),
                   .shift_stride = values.shift_stride,
                   .residual = c.residual ? residual.data() : nullptr,
                   .y = y.view(),
                   .overflowed = overflowed.data()};
  if (c.in_place) in.residual = y.data();
  simt::reset_counters();
  contract_points(Stream(), z, in);
  EXPECT_TRUE(y.sentinel_intact() && overflowed.sentinel_intact());
  return {y.values(), overflowed.values()};
}

PointContraction convolution(std::int64_t points, std::int64_t images, const Shape& x, std::int64_t filters,
                             std::int64_t kernel, const Conv2d& options = {}, bool shared = false) {
  const Shape weight{filters, kernel, kernel, x[2] / options.groups};
  const Shape y = conv2d_shape({images, x[0], x[1], x[2]}, weight, options);
  return {points, images, x, weight, {y[1], y[2], y[3]}, options, shared, false};
}

std::vector<Case> cases() {
  std::vector<Case> list{
      {"stem", convolution(3, 2, {6, 5, 3}, 16, 3, {.padding = 1}, true)},
      {"padded stem", convolution(2, 3, {6, 5, 8}, 16, 3, {.padding = 1}, true)},
      {"three by three", convolution(2, 3, {5, 6, 16}, 32, 3, {.padding = 1}), true},
      {"in place", convolution(3, 2, {4, 4, 16}, 16, 3, {.padding = 1}), true, true},
      {"strided", convolution(2, 2, {7, 7, 16}, 40, 3, {.stride = 2, .padding = 1})},
      {"projection", convolution(2, 2, {6, 6, 32}, 72, 1, {.stride = 2})},
      {"groups", convolution(3, 2, {4, 4, 32}, 16, 3, {.padding = 1, .groups = 2}), true},
      {"few channels", convolution(2, 2, {4, 4, 5}, 7, 3, {.padding = 1}), true},
      {"many images", convolution(2, 40, {8, 8, 8}, 16, 1)},
      // So many blocks that the largest are taken, of each width.
      {"blocks of 16 filters", convolution(32, 4, {16, 16, 8}, 16, 1)},
      {"blocks of 32 filters", convolution(32, 4, {16, 16, 8}, 32, 1)},
      {"blocks of 64 filters", convolution(32, 4, {16, 16, 8}, 64, 1)},
      {"linear", convolution(3, 5, {1, 1, 64}, 10, 1)},
      {"odd linear", convolution(2, 3, {1, 1, 27}, 13, 1)},
  };
  const std::size_t count = list.size();
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back(list[i]);
    list.back().contraction.relu = true;
  }
  return list;
}

template <class T, class U>
void expect_near_float64(double tolerance) {
  for (const Case& c : cases()) {
    if (c.in_place && !std::is_same_v<T, U>) continue;
    SCOPED_TRACE(c.name + (c.contraction.relu ? " relu " : " ") + std::string(name_of(dtype_of<T>)));
    const Values<T> values(c, false);
    const Found<T, U> found = contract<T, U>(c, values);
    const double terms = static_cast<double>(c.contraction.weight.count() / c.contraction.weight[0]);
    for (std::size_t i = 0; i < values.exact.size(); ++i)
      ASSERT_NEAR(number(found.y[i]), values.exact[i], tolerance * (std::sqrt(terms) + std::abs(values.exact[i]))) << i;
    for (const std::int32_t n : found.overflowed) ASSERT_EQ(n, 0);
  }
}

TEST(CudaGridContraction, MatchesFloat64) {
  expect_near_float64<float, float>(1e-6);
  expect_near_float64<float16, float16>(1e-3);
  expect_near_float64<float16, float>(1e-6);
  expect_near_float64<bfloat16, bfloat16>(8e-3);
  expect_near_float64<bfloat16, float>(1e-6);
}

template <class T>
void expect_exact_integers() {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Values<T> values(c, true);
    const Found<T, T> found = contract<T>(c, values);
    for (std::size_t i = 0; i < values.exact.size(); ++i)
      ASSERT_EQ(number(found.y[i]), number(stored<T>(values.exact[i]))) << i;
  }
}

TEST(CudaGridContraction, IntegersAreExact) {
  expect_exact_integers<float>();
  expect_exact_integers<float16>();
  expect_exact_integers<bfloat16>();
}

TEST(CudaGridContraction, CountsOverflowOfItsImageAndPoint) {
  const Case c{"", convolution(3, 4, {3, 3, 16}, 16, 3, {.padding = 1})};
  Values<float16> values(c, true);
  const auto image = static_cast<std::size_t>(c.contraction.x.count());
  values.x[(1 * 4 + 2) * image + 5] = stored<float16>(65504);
  values.weights.assign(values.weights.size(), stored<float16>(2));
  const Found<float16, float16> found = contract<float16>(c, values);
  for (std::size_t i = 0; i < found.overflowed.size(); ++i) EXPECT_EQ(found.overflowed[i] > 0, i == 1 * 4 + 2) << i;
}

TEST(CudaGridContraction, ReluKeepsNan) {
  Case c{"", convolution(1, 1, {2, 2, 8}, 8, 1)};
  c.contraction.relu = true;
  Values<float16> values(c, true);
  values.x[0] = stored<float16>(NAN);
  const Found<float16, float16> found = contract<float16>(c, values);
  for (std::size_t k = 0; k < 8; ++k) EXPECT_TRUE(std::isnan(number(found.y[k])));
  EXPECT_GT(found.overflowed[0], 0);
}

TEST(CudaGridContraction, MovesAndMultipliesWhatItsCostSays) {
  for (const Case& c : {Case{"", convolution(2, 8, {8, 8, 16}, 16, 3, {.padding = 1})},
                        Case{"", convolution(3, 2, {8, 8, 32}, 64, 1)}}) {
    const auto expect = [&]<class T>(T) {
      contract<T>(c, Values<T>(c, false));
      const simt::Counters counted = simt::counters();
      const Cost cost = contract_points_cost(c.contraction, dtype_of<T>, dtype_of<T>);
      EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
      EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
      EXPECT_EQ(counted.mma + counted.mma_tf32,
                static_cast<std::uint64_t>(contract_points_mma(c.contraction, dtype_of<T>)));
    };
    expect(float16{});
    expect(float{});
  }
}

TEST(CudaGridContraction, RefusesWhatDoesNotFit) {
  const Case c{"", convolution(2, 2, {4, 4, 8}, 8, 1)};
  const Values<float16> values(c, true);
  Case other = c;
  other.contraction.images = 3;
  const DeviceArray<float16> x({2 * 2 * 128}, values.x), y({2 * 2 * 128});
  const PointOperands in{.x = x.view(), .weights = x.data(), .weight_stride = 64, .y = y.view()};
  expect_error([&] { contract_points(Stream(), other.contraction, in); }, {"contract_points", "3 images"});
}

}  // namespace
}  // namespace basin::cuda
