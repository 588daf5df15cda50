// Elementwise kernels on the device, in every type.
#include <array>

#include "tests/gpu/device_check.h"

namespace basin::gpu {
namespace {

using cuda::kFloatTypes;

std::vector<std::int64_t> sizes() {
  std::vector<std::int64_t> result{1, 31, 32, 33, 1031};
  if (!small_shapes()) result.insert(result.end(), {40009, 128 * 32 * 32 * 16});
  return result;
}

TEST(GpuElementwise, Unary) {
  struct Row {
    const char* name;
    Unary f;
    double mean;
  };
  const Row rows[] = {{"negate", Unary::negate, 0}, {"exp", Unary::exp, 0},   {"log", Unary::log, 9},
                      {"sqrt", Unary::sqrt, 9},     {"tanh", Unary::tanh, 0}, {"sigmoid", Unary::sigmoid, 0},
                      {"relu", Unary::relu, 0},     {"abs", Unary::abs, 0},   {"sign", Unary::sign, 0}};
  for (const Row& row : rows)
    for (const std::int64_t n : sizes())
      for (const DType t : kFloatTypes)
        check_on_device({.name = row.name,
                         .inputs = {normal_input({n}, 0, row.mean)},
                         .outputs = {{n}},
                         .kernel = [&](Backend& b, const auto& in, const auto& out) { b.unary(row.f, in[0], out[0]); },
                         .types = {{t}, {t}}});
}

TEST(GpuElementwise, Binary) {
  const std::pair<const char*, Binary> rows[] = {
      {"add", Binary::add},           {"subtract", Binary::subtract},
      {"multiply", Binary::multiply}, {"divide", Binary::divide},
      {"maximum", Binary::maximum},   {"minimum", Binary::minimum},
      {"greater", Binary::greater},   {"greater_equal", Binary::greater_equal}};
  for (const auto& [name, f] : rows)
    for (const std::int64_t n : sizes())
      for (const DType t : kFloatTypes)
        check_on_device(
            {.name = name,
             .inputs = {normal_input({n}, 0), normal_input({n}, 1, 5, 0.5)},
             .outputs = {{n}},
             .kernel = [f = f](Backend& b, const auto& in, const auto& out) { b.binary(f, in[0], in[1], out[0]); },
             .types = {{t, t}, {t}}});
}

TEST(GpuElementwise, PassesOnNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const KernelInput values{{3}, {nan, 1, -1}}, others{{3}, {1, nan, nan}};
  for (const DType t : kFloatTypes) {
    for (const Unary f : {Unary::relu, Unary::sigmoid, Unary::abs, Unary::sign}) {
      const KernelCase c{.name = "", .inputs = {values}, .outputs = {{3}}, .kernel = {}, .types = {{t}, {t}}};
      const auto y = run_on_device(c, cuda::typed_inputs(c.inputs, c.types),
                                   on_backend([&](Backend& b, auto& in, auto& out) { b.unary(f, in[0], out[0]); }));
      EXPECT_TRUE(std::isnan(y[0][0])) << t;
    }
    for (const Binary f : {Binary::maximum, Binary::minimum, Binary::add}) {
      const KernelCase c{
          .name = "", .inputs = {values, others}, .outputs = {{3}}, .kernel = {}, .types = {{t, t}, {t}}};
      const auto y =
          run_on_device(c, cuda::typed_inputs(c.inputs, c.types),
                        on_backend([&](Backend& b, auto& in, auto& out) { b.binary(f, in[0], in[1], out[0]); }));
      for (const double v : y[0]) EXPECT_TRUE(std::isnan(v)) << t;
    }
  }
}

TEST(GpuElementwise, AffineAndSelect) {
  for (const std::int64_t n : sizes())
    for (const DType t : kFloatTypes) {
      check_on_device(
          {.name = "affine",
           .inputs = {normal_input({n}, 0)},
           .outputs = {{n}},
           .kernel = [](Backend& b, const auto& in, const auto& out) { b.affine(in[0], 0.5, -2.25, out[0]); },
           .types = {{t}, {t}}});
      KernelInput mask = index_input({n}, 2);
      mask.dtype = DType::f32;
      check_on_device(
          {.name = "select",
           .inputs = {mask, normal_input({n}, 0), normal_input({n}, 1)},
           .outputs = {{n}},
           .kernel = [](Backend& b, const auto& in, const auto& out) { b.select(in[0], in[1], in[2], out[0]); },
           .types = {{t, t, t}, {t}}});
    }
}

// f64 is a type of values that the CPU hands over, not one to compute in.
constexpr std::array kAllTypes{DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8};

TEST(GpuElementwise, FillsAndCastsEveryType) {
  for (const DType from : kAllTypes)
    for (const DType to : kAllTypes)
      for (const std::int64_t n : {1, 33, 1031}) {
        KernelInput x = index_input({n}, 128);
        x.dtype = from;
        const KernelCase c{.name = "cast",
                           .inputs = {x},
                           .outputs = {{n}},
                           .kernel = [](Backend& b, const auto& in, const auto& out) { b.cast(in[0], out[0]); },
                           .types = {{from}, {to}}};
        EXPECT_EQ(run_on_device(c, c.inputs, on_backend(c.kernel))[0], x.values) << from << " to " << to;
        const auto fill = [](Backend& b, const auto&, const auto& out) { b.fill(out[0], 7); };
        EXPECT_EQ(run_on_device(c, c.inputs, on_backend(fill))[0], std::vector<double>(static_cast<std::size_t>(n), 7))
            << to;
      }
}

TEST(GpuElementwise, CastsRoundAsTheCpuDoes) {
  for (const DType from : kFloatTypes)
    for (const DType to : kFloatTypes)
      for (const std::int64_t n : sizes())
        check_on_device({.name = "cast",
                         .inputs = {normal_input({n}, 0, 0, 100)},
                         .outputs = {{n}},
                         .kernel = [](Backend& b, const auto& in, const auto& out) { b.cast(in[0], out[0]); },
                         .types = {{from}, {to}}});
}

}  // namespace
}  // namespace basin::gpu
