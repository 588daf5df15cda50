#include "cuda/kernels/shape.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

void check_scatter(const KernelInput& x, const KernelInput& indices, const Shape& shape, DType type = DType::f32) {
  check_emulated(
      "scatter", {x, indices}, {shape},
      [](const ConstViews& in, const Views& out) { scatter(Stream(), in[0], in[1], out[0]); },
      [](const ConstViews& in, const Views& out) { cpu.scatter(in[0], in[1], out[0]); },
      [&](const Lists<float>& in) {
        std::vector<float> y(static_cast<std::size_t>(shape.count()));
        for (std::size_t i = 0; i < in[0].size(); ++i) y[static_cast<std::size_t>(in[1][i])] += in[0][i];
        return Lists<float>{y};
      },
      {{type}, {type}});
}

TEST(CudaScatter, MatchesFloat64) {
  for (const auto& [count, size] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {1, 1}, {31, 40}, {257, 1000}, {1000, 257}, {1021, 33}, {0, 5}})
    for (const DType type : kFloatTypes)
      check_scatter(normal_input({count}, 0), index_input({count}, static_cast<std::uint64_t>(size)), {size}, type);
}

// Lists that a thread sorts alone, and those that a block sorts: of 2^n inputs, one less and one more.
TEST(CudaScatter, AddsListsOfAnyLength) {
  for (const std::int64_t count : {32, 33, 63, 64, 65, 700}) {
    KernelInput indices = index_input({count + 9}, 300);
    std::fill(indices.values.begin(), indices.values.begin() + count, 3);
    check_scatter(normal_input({count + 9}, 0), indices, {300});
  }
}

// In f32, so that any other order shows: the CPU adds in ascending order too.
TEST(CudaScatter, AddsInAscendingOrder) {
  const KernelInput x = normal_input({900}, 0), indices = index_input({900}, 7);
  const std::vector<float> values(x.values.begin(), x.values.end());
  const std::vector<std::int32_t> index(indices.values.begin(), indices.values.end());
  std::vector<float> expected(7);
  for (std::size_t i = 0; i < values.size(); ++i) expected[static_cast<std::size_t>(index[i])] += values[i];
  const DeviceArray<float> on_device({900}, values), y({7});
  const DeviceArray<std::int32_t> index_on_device({900}, index);
  scatter(Stream(), on_device.view(), index_on_device.view(), y.view());
  EXPECT_EQ(y.values(), expected);
}

TEST(CudaScatter, IgnoresWhatLiesOutside) {
  const DeviceArray<float> x({5}, {1, 2, 4, 8, 16}), y({3});
  const DeviceArray<std::int32_t> indices({5}, {2, -1, 3, 2, std::numeric_limits<std::int32_t>::min()});
  scatter(Stream(), x.view(), indices.view(), y.view());
  EXPECT_EQ(y.values(), (std::vector<float>{0, 0, 9}));
  EXPECT_TRUE(y.sentinel_intact());
}

TEST(CudaScatter, NanStaysNan) {
  const DeviceArray<float> x({2}, {std::numeric_limits<float>::quiet_NaN(), 2}), y({2});
  const DeviceArray<std::int32_t> indices({2}, {1, 1});
  scatter(Stream(), x.view(), indices.view(), y.view());
  EXPECT_EQ(y.values()[0], 0);
  EXPECT_TRUE(std::isnan(y.values()[1]));
}

TEST(CudaScatter, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({3}, {1, 2, 3}), y({4});
  const DeviceArray<std::int32_t> indices({2}, {0, 1}), integers({3}, {1, 2, 3});
  expect_error([&] { scatter(Stream(), x.view(), indices.view(), y.view()); }, {"(2)", "do not fit", "(3)"});
  expect_error([&] { scatter(Stream(), integers.view(), integers.view(), integers.view()); },
               {"scatter: f32, f16 or bf16 expected, found i32"});
}

}  // namespace
}  // namespace basin::cuda
