#include "cuda/kernels/norms.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

template <class T>
DeviceArray<T> stored_array(const KernelInput& input, std::int64_t offset = 0) {
  return DeviceArray<T>(input.shape, stored_values<T>(input.values), offset);
}

template <class T>
void check_sum_of_squares(std::int64_t size) {
  SCOPED_TRACE(std::string(name_of(dtype_of<T>)) + ", " + std::to_string(size) + " values");
  const KernelInput input = normal_input({size}, 0);
  double exact = 0;
  for (const double v : input.values) exact += number(stored<T>(v)) * number(stored<T>(v));
  const double found = sum_of_squares(Stream(), stored_array<T>(input).view());
  // Each value is exact in double, and so is its square; n additions err by n * 2^-53 each at most.
  EXPECT_LE(std::abs(found - exact), exact * static_cast<double>(size) * 0x1p-52);
  for (const std::uint64_t seed : {2, 3}) {
    simt::options().seed = seed;
    EXPECT_EQ(sum_of_squares(Stream(), stored_array<T>(input, 1).view()), found) << "seed " << seed;
  }
  simt::options().seed = 1;
}

TEST(CudaNorms, SumOfSquaresMatchesFloat64) {
  for (const std::int64_t size : {0, 1, 31, 32, 257, 1021, 8192, 8193, 20011}) {
    check_sum_of_squares<float>(size);
    check_sum_of_squares<float16>(size);
    check_sum_of_squares<bfloat16>(size);
  }
}

// 2^24 + 1 is no float: sums in float would lose it.
TEST(CudaNorms, SumOfSquaresIsInDouble) {
  std::vector<float> values(300, 0);
  values[0] = 4096;
  values[299] = 1;
  EXPECT_EQ(sum_of_squares(Stream(), DeviceArray<float>({300}, values).view()), 4096.0 * 4096 + 1);
}

TEST(CudaNorms, SumOfSquaresOfNanIsNan) {
  std::vector<float> values(9000, 1);
  values[8500] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(sum_of_squares(Stream(), DeviceArray<float>({9000}, values).view())));
}

template <class T>
void check_finite_test() {
  SCOPED_TRACE(name_of(dtype_of<T>));
  KernelInput input = normal_input({8200}, 0);
  input.values[5] = dtype_of<T> == DType::f16 ? 65504 : 3.3895e38;  // the greatest, or nearly
  EXPECT_TRUE(all_finite(Stream(), stored_array<T>(input).view()));
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {inf, -inf, nan})
    for (const std::size_t place : {std::size_t{0}, std::size_t{4097}, input.values.size() - 1}) {
      KernelInput spoilt = input;
      spoilt.values[place] = bad;
      EXPECT_FALSE(all_finite(Stream(), stored_array<T>(spoilt).view())) << bad << " at " << place;
    }
}

TEST(CudaNorms, OneValueThatIsNotFiniteIsFound) {
  check_finite_test<float>();
  check_finite_test<float16>();
  check_finite_test<bfloat16>();
  EXPECT_TRUE(all_finite(Stream(), DeviceArray<float>({0}).view()));
}

// The CPU back end has no such kernel: its sums and square roots in float64 stand for it.
TEST(CudaNorms, FilterNormsMatchFloat64) {
  Backend& cpu = cpu_backend();
  for (const DType type : kFloatTypes)
    for (const Shape& shape : std::vector<Shape>{{1, 1}, {3, 31}, {16, 3, 3, 3}, {5, 257}, {2, 8193}, {0, 4}}) {
      const std::int64_t rows = shape[0], columns = rows > 0 ? shape.count() / rows : 0;
      check_emulated(
          "filter_norms", {normal_input(shape, 0)}, {{rows}},
          [](const ConstViews& in, const Views& out) { filter_norms(Stream(), in[0], out[0]); },
          [&](const ConstViews& in, const Views& out) {
            for (std::int64_t r = 0; r < rows; ++r)
              out[0].as<double>()[r] =
                  std::sqrt(cpu.sum_of_squares({in[0].as<double>() + r * columns, DType::f64, {columns}}));
          },
          [&](const Lists<float>& in) {
            std::vector<float> norms(static_cast<std::size_t>(rows));
            for (std::size_t i = 0; i < in[0].size(); ++i) norms[i / columns] += in[0][i] * in[0][i];
            for (float& norm : norms) norm = std::sqrt(norm);
            return Lists<float>{norms};
          },
          {{type}, {DType::f32}});
    }
}

TEST(CudaNorms, ReadOnceInWholeSectors) {
  const DeviceArray<float> x({16, 512}, std::vector<float>(16 * 512, 1)), norms({16});
  simt::options().count_requests = true;
  simt::reset_counters();
  filter_norms(Stream(), x.view(), norms.view());
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  EXPECT_EQ(counted.global_read_bytes, 16u * 512 * 4 + 16 * 8);
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
  EXPECT_EQ(counted.shared_wavefronts, counted.shared_ideal_wavefronts);
}

TEST(CudaNorms, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({2, 3}, std::vector<float>(6, 1)), norms({3});
  expect_error([&] { filter_norms(Stream(), x.view(), norms.view()); }, {"filter_norms", "(3)", "(2, 3)"});
  const DeviceArray<std::int32_t> integers({4}, {1, 2, 3, 4});
  expect_error([&] { sum_of_squares(Stream(), integers.view()); }, {"f32, f16 or bf16 expected, found i32"});
  expect_error([&] { all_finite(Stream(), integers.view()); }, {"f32, f16 or bf16 expected, found i32"});
}

}  // namespace
}  // namespace basin::cuda
