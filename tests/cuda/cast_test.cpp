#include "cuda/kernels/cast.h"

#include <cmath>
#include <cstring>

#include "core/cpu/dispatch.h"
#include "cuda/simt/simt.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

const std::vector<DType> kTypes = {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8};

// Ties of every rounding, limits of every integer, subnormals, infinities, NaN; then ordinary values.
const std::vector<double> kValues = [] {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> values = {0,
                                -0.0,
                                0.5,
                                1.5,
                                2.5,
                                -0.5,
                                -1.5,
                                254.9,
                                255,
                                256,
                                -1,
                                65519,
                                65520,
                                -65520,
                                1e5,
                                2147483647.0,
                                2147483648.0,
                                -2147483648.0,
                                -2147483649.0,
                                9223372036854774784.0,
                                9223372036854775808.0,
                                -9223372036854775808.0,
                                1e30,
                                3.5e38,
                                -1e300,
                                inf,
                                -inf,
                                std::numeric_limits<double>::quiet_NaN(),
                                1 + 0x1p-8,
                                1 + 3 * 0x1p-8,
                                1 + 0x1p-11,
                                1 + 3 * 0x1p-11,
                                1 + 0x1p-24,
                                1 + 3 * 0x1p-24,
                                0x1p-24,
                                0x1p-25,
                                3 * 0x1p-25,
                                0x1p-14 - 0x1p-25,
                                0x1p-140,
                                16777217};
  for (int i = 0; i < 93; ++i) values.push_back((i - 40) * 1.37);
  return values;
}();

// The bytes of `values` cast by the CPU from f64 to `type`.
template <class T>
std::vector<T> cpu_cast(const std::vector<double>& values) {
  std::vector<T> out(values.size());
  const Shape shape = {static_cast<std::int64_t>(values.size())};
  cpu_backend().cast({values.data(), DType::f64, shape}, {out.data(), dtype_of<T>, shape});
  return out;
}

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>)
    return std::isnan(to_float(value));
  else
    return value != value;
}

template <class T>
void expect_equal(const std::string& name, const std::vector<T>& found, const std::vector<T>& expected) {
  ASSERT_EQ(found.size(), expected.size()) << name;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE((is_nan(found[i]) && is_nan(expected[i])) || std::memcmp(&found[i], &expected[i], sizeof(T)) == 0)
        << name << " [" << i << "] of " << kValues[i];
}

// Device memory at `offset` elements after an aligned address; halves have no arithmetic, so no DeviceArray.
template <class T>
struct Values {
  Values(std::size_t count_, std::size_t offset_)
      : count(count_), offset(offset_), buffer(Stream(), (count_ + offset_ + 1) * sizeof(T)) {}
  T* data() const { return buffer.as<T>() + offset; }
  Shape shape() const { return {static_cast<std::int64_t>(count)}; }
  std::size_t count, offset;
  DeviceBuffer buffer;
};

template <class From, class To>
void check_cast(std::size_t count, std::size_t offset) {
  const std::string name = std::string(name_of(dtype_of<From>)) + " to " + std::string(name_of(dtype_of<To>));
  const std::vector<From> in = cpu_cast<From>({kValues.begin(), kValues.begin() + static_cast<std::ptrdiff_t>(count)});
  std::vector<To> expected(count), found(count);
  const Values<From> x(count, offset);
  const Values<To> y(count, offset);
  copy_to_device(Stream(), x.data(), in.data(), count * sizeof(From));
  const To sentinel = cpu_cast<To>({77})[0];
  copy_to_device(Stream(), y.data() + count, &sentinel, sizeof(To));
  cpu_backend().cast({in.data(), dtype_of<From>, x.shape()}, {expected.data(), dtype_of<To>, x.shape()});

  cast(Stream(), {x.data(), dtype_of<From>, x.shape()}, {y.data(), dtype_of<To>, y.shape()});
  copy_to_host(Stream(), found.data(), y.data(), count * sizeof(To));
  expect_equal(name, found, expected);
  To after;
  copy_to_host(Stream(), &after, y.data() + count, sizeof(To));
  EXPECT_EQ(std::memcmp(&after, &sentinel, sizeof(To)), 0) << name << " writes past its end";
}

TEST(CudaCast, EveryPairOfTypesEqualsTheCpus) {
  for (const DType from : kTypes)
    for (const DType to : kTypes)
      cpu::dispatch_any(from, [&]<class From>(From) {
        cpu::dispatch_any(to, [&]<class To>(To) {
          check_cast<From, To>(kValues.size(), 0);
          check_cast<From, To>(kValues.size() - 5, 1);
        });
      });
}

TEST(CudaCast, MovesWhatItsCostSaysInWholeSectors) {
  const DeviceArray<float> x({1024}, std::vector<float>(1024, 1.5f));
  const DeviceBuffer y(Stream(), 2048);
  simt::options().count_requests = true;
  simt::reset_counters();
  cast(Stream(), x.view(), {y.data(), DType::bf16, {1024}});
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  const Cost cost = cast_cost(1024, DType::f32, DType::bf16);
  EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
}

TEST(CudaCast, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({3}, {1, 2, 3}), y({4});
  expect_error([&] { cast(Stream(), x.view(), y.view()); }, {"cast", "(3)", "does not fit", "(4)"});
}

}  // namespace
}  // namespace basin::cuda
