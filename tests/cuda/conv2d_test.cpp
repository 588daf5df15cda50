#include "cuda/kernels/contraction/conv2d.h"

#include "cuda/kernels/contraction/contraction_config.h"
#include "cuda/kernels/contraction/divider.cuh"
#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

Backend& cpu = cpu_backend();

struct Convolution {
  Shape x, weight;
  Conv2d options = {};
  Shape y() const { return conv2d_shape(x, weight, options); }
};

// Extents 1, primes, 10 filters, strides, groups, nothing; layers of resnet20 for one image: the first (C = 3), one of
// its second and of its third stage.
const std::vector<Convolution> kConvolutions = {
    {{1, 1, 1, 1}, {1, 1, 1, 1}},
    {{2, 5, 7, 3}, {11, 3, 3, 3}, {.padding = 1}},
    {{1, 8, 8, 16}, {16, 3, 3, 16}, {.padding = 1}},
    {{1, 8, 8, 16}, {32, 3, 3, 16}, {.stride = 2, .padding = 1}},
    {{2, 6, 6, 8}, {24, 1, 1, 8}, {.stride = 2}},
    {{1, 7, 9, 8}, {10, 5, 5, 8}, {.padding = 2}},
    {{1, 9, 8, 5}, {7, 3, 2, 5}, {.stride = 3, .padding = 2}},
    {{2, 6, 5, 16}, {32, 3, 3, 8}, {.padding = 1, .groups = 2}},
    {{1, 5, 5, 6}, {6, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 6}},
    {{1, 3, 4, 40}, {72, 1, 1, 40}},
    {{0, 4, 4, 8}, {8, 3, 3, 8}},
    {{1, 4, 4, 0}, {3, 3, 3, 0}},
    {{1, 32, 32, 3}, {16, 3, 3, 3}, {.padding = 1}},
    {{1, 16, 16, 32}, {32, 3, 3, 32}, {.padding = 1}},
    {{1, 16, 16, 32}, {64, 3, 3, 32}, {.stride = 2, .padding = 1}},
};

// visit(places in x, weight and y) of every product, those of an element of y in order.
template <class Visit>
void for_each_product(const Convolution& c, const Visit& visit) {
  const Shape y = c.y();
  const std::int64_t group_filters = y[3] / c.options.groups, channels = c.weight[3];
  for (std::int64_t out = 0; out < y.count(); ++out) {
    const std::int64_t k = out % y[3], q = out / y[3] % y[2], p = out / y[3] / y[2] % y[1],
                       n = out / y[3] / y[2] / y[1];
    for (std::int64_t tap = 0; tap < c.weight.count() / c.weight[0]; ++tap) {
      const std::int64_t channel = tap % channels, s = tap / channels % c.weight[2], r = tap / channels / c.weight[2];
      const std::int64_t h = p * c.options.stride - c.options.padding + r;
      const std::int64_t w = q * c.options.stride - c.options.padding + s;
      if (h < 0 || h >= c.x[1] || w < 0 || w >= c.x[2]) continue;
      visit(((n * c.x[1] + h) * c.x[2] + w) * c.x[3] + k / group_filters * channels + channel,
            k * c.weight.count() / c.weight[0] + tap, out);
    }
  }
}

// The three contractions of sum over products of x, weight, y: two are given, the third is the result.
struct Contraction {
  const char* name;
  int inputs[2], output;  // 0: x, 1: weight, 2: y
  void (*launch)(const ConstView& a, const ConstView& b, const Conv2d& options, const View& out);
  void (Backend::*reference)(const ConstView&, const ConstView&, const Conv2d&, const View&);
  Cost (*cost)(const Shape& x, const Shape& weight, const Conv2d& options, DType type);

  Shape shape(const Convolution& c, int i) const { return i == 0 ? c.x : i == 1 ? c.weight : c.y(); }
  Shape input(const Convolution& c, int i) const { return shape(c, inputs[i]); }
  Shape result(const Convolution& c) const { return shape(c, output); }
  Lists<float> plain(const Lists<float>& in, const Convolution& c) const {
    std::vector<float> sums(static_cast<std::size_t>(result(c).count()));
    for_each_product(c, [&](std::int64_t x, std::int64_t weight, std::int64_t y) {
      const std::int64_t places[] = {x, weight, y};
      sums[places[output]] += in[0][places[inputs[0]]] * in[1][places[inputs[1]]];
    });
    return {sums};
  }
  Lists<double> run(const EmulatedRun& emulated, const Convolution& c) const {
    return emulated([&](const ConstViews& in, const Views& out) { launch(in[0], in[1], c.options, out[0]); });
  }
};

const Contraction kForward = {"conv2d",
                              {0, 1},
                              2,
                              [](const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) {
                                conv2d(Stream(), x, weight, options, y);
                              },
                              &Backend::conv2d,
                              conv2d_cost};
const Contraction kInputGradient = {
    "conv2d_input_gradient",
    {2, 1},
    0,
    [](const ConstView& grad_output, const ConstView& weight, const Conv2d& options, const View& grad_x) {
      conv2d_input_gradient(Stream(), grad_output, weight, options, grad_x);
    },
    &Backend::conv2d_input_gradient,
    conv2d_input_gradient_cost};
const Contraction kWeightGradient = {
    "conv2d_weight_gradient",
    {0, 2},
    1,
    [](const ConstView& x, const ConstView& grad_output, const Conv2d& options, const View& grad_weight) {
      conv2d_weight_gradient(Stream(), x, grad_output, options, grad_weight);
    },
    &Backend::conv2d_weight_gradient,
    conv2d_weight_gradient_cost};
const Contraction kContractions[] = {kForward, kInputGradient, kWeightGradient};

void check_contraction(const Contraction& f, const Convolution& c, DType type) {
  SCOPED_TRACE(::testing::Message() << "weight " << c.weight << " stride " << c.options.stride << " padding "
                                    << c.options.padding << " groups " << c.options.groups);
  check_emulated(
      f.name, {normal_input(f.input(c, 0), 0), normal_input(f.input(c, 1), 1)}, {f.result(c)},
      [&](const ConstViews& in, const Views& out) { f.launch(in[0], in[1], c.options, out[0]); },
      [&](const ConstViews& in, const Views& out) { (cpu.*f.reference)(in[0], in[1], c.options, out[0]); },
      [&](const Lists<float>& in) { return f.plain(in, c); }, {{type, type}, {type}});
}

void check_all(const Contraction& f) {
  for (const DType type : kFloatTypes)
    for (const Convolution& c : kConvolutions) check_contraction(f, c, type);
}

TEST(CudaConv2d, MatchesFloat64) { check_all(kForward); }
TEST(CudaConv2d, InputGradientMatchesFloat64) { check_all(kInputGradient); }
TEST(CudaConv2d, WeightGradientMatchesFloat64) { check_all(kWeightGradient); }

// Sums over 1024 pixels are of 4 parts, over 600 of 2, of which the second is shorter, over 2601 of 10.
TEST(CudaConv2d, WeightGradientInParts) {
  EXPECT_EQ(split_contraction_config({9 * 16, 16, 1024}, true).splits, 4);
  EXPECT_EQ(split_contraction_config({9 * 16, 16, 600}, true).splits, 2);
  EXPECT_EQ(split_contraction_config({8, 8, 2601}, true).splits, 10);
  for (const DType type : kFloatTypes)
    for (const Convolution& c : {Convolution{{1, 32, 32, 16}, {16, 1, 1, 16}},
                                 Convolution{{2, 20, 15, 3}, {8, 1, 1, 3}}, Convolution{{1, 51, 51, 8}, {8, 1, 1, 8}}})
      check_contraction(kWeightGradient, c, type);
}

KernelInput integers(const Shape& shape, std::uint64_t index) {
  KernelInput input = index_input(shape, 7, index);
  input.dtype = DType::f32;
  for (double& v : input.values) v -= 3;
  return input;
}

// Sums of small integers are exact in any order: rounded once, where `type` does not have the sum.
void check_integers(const Contraction& f, const Convolution& c, DType type) {
  const ElementTypes types{{type, type}, {type}};
  const KernelInputs inputs = typed_inputs({integers(f.input(c, 0), 0), integers(f.input(c, 1), 1)}, types);
  Lists<float> values;
  for (const KernelInput& input : inputs) values.emplace_back(input.values.begin(), input.values.end());
  const Lists<float> exact = f.plain(values, c);
  const Lists<double> found = f.run(EmulatedRun(inputs, {f.result(c)}, 0, types), c);
  cpu::dispatch_any(type, [&]<class T>(T) {
    for (std::size_t i = 0; i < exact[0].size(); ++i)
      ASSERT_EQ(found[0][i], number(stored<T>(exact[0][i]))) << f.name << " " << name_of(type) << " [" << i << "]";
  });
}

TEST(CudaConv2d, IntegersAreExact) {
  for (const DType type : kFloatTypes)
    for (const Contraction& f : kContractions)
      for (const Convolution& c : {kConvolutions[1], kConvolutions[3], kConvolutions[7]}) check_integers(f, c, type);
}

// Blocks of 128 rows, which there are in large batches only.
TEST(CudaConv2d, LargeBlocks) {
  const auto with_filters = [](std::int64_t filters) { return Convolution{{8, 64, 64, 8}, {filters, 1, 1, 8}}; };
  EXPECT_EQ(contraction_config({8 * 64 * 64, 16, 8}, DType::f32, true).rows, 128);
  EXPECT_EQ(contraction_config({8 * 64 * 64, 64, 8}, DType::f16, true).rows, 128);
  check_integers(kForward, with_filters(16), DType::f32);
  check_integers(kForward, with_filters(32), DType::bf16);
  check_integers(kForward, with_filters(64), DType::f16);
  check_integers(kInputGradient, {{8, 64, 64, 16}, {8, 1, 1, 16}}, DType::bf16);
}

// Extents that are multiples of a block's; stride 2 multiplies no more than is needed either.
TEST(CudaConv2d, MultipliesWhatIsNeededAndReadsSharedMemoryWithoutConflicts) {
  const std::vector<Convolution> convolutions = {{{1, 8, 8, 64}, {64, 1, 1, 64}},
                                                 {{1, 8, 8, 64}, {64, 3, 3, 64}, {.padding = 1}},
                                                 {{1, 16, 16, 64}, {64, 3, 3, 64}, {.stride = 2, .padding = 1}}};
  for (const DType type : kFloatTypes)
    for (const Contraction& f : kContractions)
      for (const Convolution& c : convolutions) {
        SCOPED_TRACE(::testing::Message() << f.name << " " << name_of(type) << " stride " << c.options.stride);
        const ElementTypes types{{type, type}, {type}};
        const EmulatedRun run(typed_inputs({normal_input(f.input(c, 0), 0), normal_input(f.input(c, 1), 1)}, types),
                              {f.result(c)}, 0, types);
        simt::options().count_requests = true;
        simt::reset_counters();
        f.run(run, c);
        simt::options().count_requests = false;
        const simt::Counters counters = simt::counters();
        const auto products = static_cast<std::uint64_t>(c.y().count() * c.weight.count() / c.weight[0]);
        EXPECT_EQ(counters.mma, type == DType::f32 ? 0 : products / (16 * 8 * 16));
        EXPECT_EQ(counters.mma_tf32, type == DType::f32 ? 3 * products / (16 * 8 * 8) : 0);
        EXPECT_EQ(counters.shared_wavefronts, counters.shared_ideal_wavefronts);
        const Cost cost = f.cost(c.x, c.weight, c.options, type);
        EXPECT_EQ(counters.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
        EXPECT_EQ(counters.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
      }
}

// Read element by element, too.
TEST(CudaConv2d, CostIsWhatIsReadAndWritten) {
  for (const DType type : kFloatTypes)
    for (const Contraction& f : kContractions)
      for (const Convolution& c : kConvolutions) {
        SCOPED_TRACE(::testing::Message() << f.name << " " << name_of(type) << " weight " << c.weight);
        const ElementTypes types{{type, type}, {type}};
        const EmulatedRun run(typed_inputs({normal_input(f.input(c, 0), 0), normal_input(f.input(c, 1), 1)}, types),
                              {f.result(c)}, 0, types);
        simt::reset_counters();
        f.run(run, c);
        const Cost cost = f.cost(c.x, c.weight, c.options, type);
        EXPECT_EQ(simt::counters().global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
        EXPECT_EQ(simt::counters().global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
      }
}

TEST(CudaConv2d, DividerDivides) {
  constexpr std::int64_t kGreatest = (std::int64_t{1} << 31) - 1;
  for (const std::int64_t divisor : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{27},
                                     std::int64_t{64}, std::int64_t{641}, std::int64_t{1000003}, kGreatest})
    for (const std::int64_t multiple :
         {std::int64_t{0}, divisor, kGreatest / 2 / divisor * divisor, kGreatest / divisor * divisor})
      for (const std::int64_t n : {multiple - 1, multiple, multiple + 1, kGreatest}) {
        if (n < 0 || n > kGreatest) continue;
        int quotient = -1;
        EXPECT_EQ(Divider(divisor).divide(static_cast<int>(n), quotient), n % divisor) << n << " / " << divisor;
        EXPECT_EQ(quotient, n / divisor) << n << " / " << divisor;
      }
}

TEST(CudaConv2d, RefusesWhatDoesNotFit) {
  const DeviceArray<float> x({1, 4, 4, 3}), weight({2, 3, 3, 3}), y({1, 3, 2, 2});
  expect_error([&] { conv2d(Stream(), x.view(), weight.view(), {}, y.view()); },
               {"conv2d: ", "do not give (1, 3, 2, 2)"});
}

}  // namespace
}  // namespace basin::cuda
