#include "cuda/kernels/elementwise.h"

#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

const std::vector<Shape> kShapes = {{1}, {31}, {32}, {33}, {1021}, {4, 16, 16, 16}};

// All arguments of one type, all types and shapes.
template <class F>
void for_types_and_shapes(const F& f) {
  for (const DType type : kFloatTypes)
    for (const Shape& shape : kShapes) f(ElementTypes{{type, type, type}, {type}}, shape);
}

template <class F>
Lists<float> mapped(const Lists<float>& in, const F& f) {
  std::vector<float> y;
  for (std::size_t i = 0; i < in[0].size(); ++i) y.push_back(f(i));
  return {y};
}

TEST(CudaElementwise, UnaryMatchesFloat64) {
  const auto plain = [](Unary f, float v) -> float {
    switch (f) {
      case Unary::negate:
        return -v;
      case Unary::exp:
        return std::exp(v);
      case Unary::log:
        return std::log(v);
      case Unary::sqrt:
        return std::sqrt(v);
      case Unary::tanh:
        return std::tanh(v);
      case Unary::sigmoid:
        return 1 / (1 + std::exp(-v));
      case Unary::relu:
        return std::max(v, 0.0f);
      case Unary::abs:
        return std::abs(v);
      case Unary::sign:
        return static_cast<float>((v > 0) - (v < 0));
    }
    return 0;
  };
  for_types_and_shapes([&](const ElementTypes& types, const Shape& shape) {
    for (int i = 0; i <= static_cast<int>(Unary::sign); ++i) {
      const Unary f = static_cast<Unary>(i);
      const bool positive = f == Unary::log || f == Unary::sqrt;
      check_emulated(
          "unary " + std::to_string(i), {positive ? normal_input(shape, 0, 20, 3) : normal_input(shape, 0)}, {shape},
          [&](const ConstViews& in, const Views& out) { unary(Stream(), f, in[0], out[0]); },
          [&](const ConstViews& in, const Views& out) { cpu.unary(f, in[0], out[0]); },
          [&](const Lists<float>& in) { return mapped(in, [&](std::size_t k) { return plain(f, in[0][k]); }); }, types);
    }
  });
}

TEST(CudaElementwise, BinaryMatchesFloat64) {
  const auto plain = [](Binary f, float a, float b) -> float {
    switch (f) {
      case Binary::add:
        return a + b;
      case Binary::subtract:
        return a - b;
      case Binary::multiply:
        return a * b;
      case Binary::divide:
        return a / b;
      case Binary::maximum:
        return std::max(a, b);
      case Binary::minimum:
        return std::min(a, b);
      case Binary::greater:
        return a > b ? 1.0f : 0.0f;
      case Binary::greater_equal:
        return a >= b ? 1.0f : 0.0f;
    }
    return 0;
  };
  for_types_and_shapes([&](const ElementTypes& types, const Shape& shape) {
    for (int i = 0; i <= static_cast<int>(Binary::greater_equal); ++i) {
      const Binary f = static_cast<Binary>(i);
      KernelInput b = normal_input(shape, 1, 3, 0.5);
      const KernelInput a = normal_input(shape, 0, 3, 0.5);
      for (std::size_t k = 0; k < b.values.size(); k += 5) b.values[k] = a.values[k];  // ties
      check_emulated(
          "binary " + std::to_string(i), {a, b}, {shape},
          [&](const ConstViews& in, const Views& out) { binary(Stream(), f, in[0], in[1], out[0]); },
          [&](const ConstViews& in, const Views& out) { cpu.binary(f, in[0], in[1], out[0]); },
          [&](const Lists<float>& in) {
            return mapped(in, [&](std::size_t k) { return plain(f, in[0][k], in[1][k]); });
          },
          types);
    }
  });
}

TEST(CudaElementwise, AffineSelectAndFillMatchFloat64) {
  for_types_and_shapes([](const ElementTypes& types, const Shape& shape) {
    const KernelInput x = normal_input(shape, 0), b = normal_input(shape, 1);
    check_emulated(
        "affine", {x}, {shape},
        [](const ConstViews& in, const Views& out) { affine(Stream(), in[0], 0.75, -0.5, out[0]); },
        [](const ConstViews& in, const Views& out) { cpu.affine(in[0], 0.75, -0.5, out[0]); },
        [](const Lists<float>& in) { return mapped(in, [&](std::size_t k) { return 0.75f * in[0][k] - 0.5f; }); },
        types);
    KernelInput mask = index_input(shape, 2);
    mask.dtype = types.input(0);
    check_emulated(
        "select", {mask, x, b}, {shape},
        [](const ConstViews& in, const Views& out) { select(Stream(), in[0], in[1], in[2], out[0]); },
        [](const ConstViews& in, const Views& out) { cpu.select(in[0], in[1], in[2], out[0]); },
        [](const Lists<float>& in) {
          return mapped(in, [&](std::size_t k) { return in[0][k] != 0 ? in[1][k] : in[2][k]; });
        },
        types);
    check_emulated(
        "fill", {x}, {shape}, [](const ConstViews&, const Views& out) { fill(Stream(), out[0], 2.5); },
        [](const ConstViews&, const Views& out) { cpu.fill(out[0], 2.5); },
        [](const Lists<float>& in) { return mapped(in, [](std::size_t) { return 2.5f; }); }, types);
  });
}

TEST(CudaElementwise, FillsEveryType) {
  const auto check_type = []<class T>(T) {
    for (const std::int64_t size : {1, 33, 1021})
      for (const std::int64_t offset : {0, 1}) {
        const DeviceArray<T> y({size}, offset);
        fill(Stream(), y.view(), 37);
        for (const T v : y.values()) EXPECT_EQ(number(v), 37) << dtype_of<T>;
        EXPECT_TRUE(y.sentinel_intact());
      }
  };
  for (const DType type : {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8})
    cpu::dispatch_any(type, check_type);
  const DeviceArray<double> third({3});
  fill(Stream(), third.view(), 1.0 / 3);
  EXPECT_EQ(third.values(), std::vector<double>(3, 1.0 / 3));
}

TEST(CudaElementwise, AffineWorksInPlace) {
  const DeviceArray<float> x({37}, std::vector<float>(37, 3));
  affine(Stream(), x.view(), 2, 1, x.view());
  EXPECT_EQ(x.values(), std::vector<float>(37, 7));
  EXPECT_TRUE(x.sentinel_intact());
}

TEST(CudaElementwise, NanStaysNan) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const DeviceArray<float> a({3}, {nan, 1, nan}), b({3}, {1, nan, nan}), y({3});
  for (const Binary f : {Binary::maximum, Binary::minimum, Binary::add}) {
    binary(Stream(), f, a.view(), b.view(), y.view());
    for (const float v : y.values()) EXPECT_TRUE(std::isnan(v));
  }
  for (const Unary f : {Unary::relu, Unary::sign, Unary::abs, Unary::sigmoid}) {
    unary(Stream(), f, a.view(), y.view());
    EXPECT_TRUE(std::isnan(y.values()[0]));
  }
}

template <class T>
void check_traffic() {
  const std::vector<T> ones(1000, stored<T>(1));
  const DeviceArray<T> a({1000}, ones), b({1000}, ones), y({1000});
  simt::options().count_requests = true;
  simt::reset_counters();
  binary(Stream(), Binary::add, a.view(), b.view(), y.view());
  const simt::Counters counted = simt::counters();
  simt::options().count_requests = false;
  const Cost cost = elementwise_cost(dtype_of<T>, 1000, 2, 1);
  EXPECT_EQ(counted.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counted.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
  EXPECT_EQ(counted.global_sectors, counted.global_ideal_sectors);
}

TEST(CudaElementwise, MovesWhatItsCostSays) {
  check_traffic<float>();
  check_traffic<float16>();
}

TEST(CudaElementwise, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({3}, {1, 2, 3}), y({4});
  expect_error([&] { unary(Stream(), Unary::exp, x.view(), y.view()); }, {"(3)", "does not fit", "(4)"});
  const DeviceArray<std::int32_t> i({4}, {1, 2, 3, 4});
  expect_error([&] { unary(Stream(), Unary::exp, i.view(), y.view()); }, {"unary: i32 to f32"});
  const DeviceArray<double> d({4}, {1, 2, 3, 4});
  expect_error([&] { binary(Stream(), Binary::add, d.view(), d.view(), d.view()); }, {"binary", "expected, found f64"});
}

}  // namespace
}  // namespace basin::cuda
