#include "cuda/kernels/contraction/matmul.h"

#include "cuda/kernels/contraction/contraction_config.h"
#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

struct Product {
  std::int64_t m, n, k;
  bool transpose_a = false, transpose_b = false;

  Shape a() const { return transpose_a ? Shape{k, m} : Shape{m, k}; }
  Shape b() const { return transpose_b ? Shape{n, k} : Shape{k, n}; }
  Shape y() const { return {m, n}; }
  std::int64_t place_in_a(std::int64_t i, std::int64_t l) const { return transpose_a ? l * m + i : i * k + l; }
  std::int64_t place_in_b(std::int64_t l, std::int64_t j) const { return transpose_b ? j * k + l : l * n + j; }
};

Lists<float> plain_product(const Lists<float>& in, const Product& p) {
  std::vector<float> y(static_cast<std::size_t>(p.m * p.n));
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j)
      for (std::int64_t l = 0; l < p.k; ++l) y[i * p.n + j] += in[0][p.place_in_a(i, l)] * in[1][p.place_in_b(l, j)];
  return {y};
}

void check_product(const Product& p, DType type, const KernelInput& a, const KernelInput& b) {
  check_emulated(
      "matmul", {a, b}, {p.y()},
      [&](const ConstViews& in, const Views& out) {
        matmul(Stream(), in[0], p.transpose_a, in[1], p.transpose_b, out[0]);
      },
      [&](const ConstViews& in, const Views& out) { cpu.matmul(in[0], p.transpose_a, in[1], p.transpose_b, out[0]); },
      [&](const Lists<float>& in) { return plain_product(in, p); }, {{type, type}, {type}});
}

// Extents 1, primes, multiples of a tile, none; the classifier of a ResNet, sums as deep as VGG's; the four orders of
// operands.
const std::vector<Product> kProducts = {
    {1, 1, 1},
    {1, 7, 33, false, true},
    {31, 10, 64, false, true},
    {64, 32, 64},
    {67, 41, 29},
    {72, 40, 48, true},
    {10, 64, 37, true},
    {33, 32, 31, true, true},
    {5, 3, 0},
    {16, 64, 10},
    {0, 5, 3},
    {9, 8, 4608, false, true},
    {96, 96, 96, true},
    {65, 64, 200, false, true},
    {24, 200, 72},
};

TEST(CudaMatmul, MatchesFloat64) {
  for (const DType type : kFloatTypes)
    for (const Product& p : kProducts) check_product(p, type, normal_input(p.a(), 0), normal_input(p.b(), 1));
}

// Sums of small integers are exact in any order.
TEST(CudaMatmul, IntegersAreExact) {
  const auto integers = [](const Shape& shape, std::uint64_t index) {
    KernelInput input = index_input(shape, 7, index);
    input.dtype = DType::f32;
    for (double& v : input.values) v -= 3;
    return input;
  };
  for (const DType type : kFloatTypes)
    for (const Product& p : {Product{65, 17, 28}, Product{40, 72, 28 + 4, false, true}, Product{48, 24, 27, true}}) {
      const ElementTypes types{{type, type}, {type}};
      const KernelInputs inputs = {integers(p.a(), 0), integers(p.b(), 1)};
      const Lists<float> exact = plain_product(
          {{inputs[0].values.begin(), inputs[0].values.end()}, {inputs[1].values.begin(), inputs[1].values.end()}}, p);
      const KernelInputs typed = typed_inputs(inputs, types);
      const Lists<double> found = EmulatedRun(typed, {p.y()}, 0, types)([&](const ConstViews& in, const Views& out) {
        matmul(Stream(), in[0], p.transpose_a, in[1], p.transpose_b, out[0]);
      });
      // Rounded once, and only where the element type does not have the integer.
      cpu::dispatch_any(type, [&]<class T>(T) {
        for (std::size_t i = 0; i < exact[0].size(); ++i)
          ASSERT_EQ(found[0][i], number(stored<T>(exact[0][i]))) << name_of(type) << ", element " << i;
      });
    }
}

// A tile of halves is 32 of the inner index wide, of floats 16.
TEST(CudaMatmul, MultipliesWhatIsNeededAndReadsSharedMemoryWithoutConflicts) {
  for (const DType type : kFloatTypes)
    for (const Product& p : {Product{128, 64, 96, false, true}, Product{128, 64, 96}, Product{128, 64, 96, true}}) {
      SCOPED_TRACE(::testing::Message() << name_of(type) << " transpose_a " << p.transpose_a << " transpose_b "
                                        << p.transpose_b);
      const ElementTypes types{{type, type}, {type}};
      const EmulatedRun run(typed_inputs({normal_input(p.a(), 0), normal_input(p.b(), 1)}, types), {p.y()}, 0, types);
      simt::options().count_requests = true;
      simt::reset_counters();
      run([&](const ConstViews& in, const Views& out) {
        matmul(Stream(), in[0], p.transpose_a, in[1], p.transpose_b, out[0]);
      });
      simt::options().count_requests = false;
      const simt::Counters counters = simt::counters();
      const auto products = static_cast<std::uint64_t>(p.m * p.n * p.k);
      EXPECT_EQ(counters.mma, type == DType::f32 ? 0 : products / (16 * 8 * 16));
      EXPECT_EQ(counters.mma_tf32, type == DType::f32 ? 3 * products / (16 * 8 * 8) : 0);
      EXPECT_EQ(counters.shared_wavefronts, counters.shared_ideal_wavefronts);
      EXPECT_EQ(counters.global_sectors, counters.global_ideal_sectors);
      const Cost cost = matmul_cost(p.m, p.n, p.k, p.transpose_a, p.transpose_b, type);
      EXPECT_EQ(counters.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
      EXPECT_EQ(counters.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
    }
}

TEST(CudaMatmul, RefusesWhatDoesNotFit) {
  const DeviceArray<float> a({2, 3}), b({4, 5}), y({2, 5});
  expect_error([&] { matmul(Stream(), a.view(), false, b.view(), false, y.view()); }, {"matmul: ", "does not fit"});
}

}  // namespace
}  // namespace basin::cuda
