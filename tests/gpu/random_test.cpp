// Draws, optimizers and reductions to the host on the device.
#include "tests/gpu/device_check.h"

namespace basin::gpu {
namespace {

using cuda::kFloatTypes;

std::vector<std::int64_t> sizes() {
  std::vector<std::int64_t> result{1, 31, 33, 1031};
  if (!small_shapes()) result.insert(result.end(), {40009, 64 * 64 * 9 * 55});
  return result;
}

TEST(GpuRandom, DrawsWhatTheCpuDraws) {
  for (const std::int64_t n : sizes())
    for (const DType t : kFloatTypes) {
      const KernelInput none{{1}, {0}};
      check_on_device({.name = "normal",
                       .inputs = {none},
                       .outputs = {{n}},
                       .kernel = [](Backend& b, const auto&, const auto& out) { b.normal(7, 1234567, out[0]); },
                       .types = {{}, {t}}});
      check_on_device({.name = "uniform",
                       .inputs = {none},
                       .outputs = {{n}},
                       .kernel = [](Backend& b, const auto&, const auto& out) { b.uniform(7, 1234567, out[0]); },
                       .types = {{}, {t}}});
    }
}

// p and the state are updated in place; the outputs here are copies that the kernel works on.
TEST(GpuOptimizer, SgdSteps) {
  for (const std::int64_t n : sizes())
    for (const bool nesterov : {false, true})
      for (const bool first : {false, true}) {
        const SgdStep step{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = nesterov};
        check_on_device({.name = "sgd_step",
                         .inputs = {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2)},
                         .outputs = {{n}, {n}},
                         .kernel = [&](Backend& b, const auto& in, const auto& out) {
                           b.cast(in[1], out[0]);
                           b.cast(in[2], out[1]);
                           b.sgd_step(step, first, in[0], out[0], out[1]);
                         }});
      }
}

TEST(GpuOptimizer, AdamSteps) {
  for (const std::int64_t n : sizes())
    for (const bool decoupled : {false, true})
      for (const std::int64_t count : {1, 100}) {
        const AdamStep step{.learning_rate = 0.001,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .weight_decay = 0.01,
                            .decoupled = decoupled,
                            .step = count};
        KernelInput second = normal_input({n}, 3);
        for (double& v : second.values) v = static_cast<float>(v * v);
        check_on_device({.name = "adam_step",
                         .inputs = {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2), second},
                         .outputs = {{n}, {n}, {n}},
                         .kernel = [&](Backend& b, const auto& in, const auto& out) {
                           for (std::size_t i = 0; i < 3; ++i) b.cast(in[i + 1], out[i]);
                           b.adam_step(step, in[0], out[0], out[1], out[2]);
                         }});
      }
}

TEST(GpuReductions, SumOfSquaresAndFiniteness) {
  for (const std::int64_t n : sizes())
    for (const DType t : kFloatTypes) {
      const KernelInput x = cuda::typed_inputs({normal_input({n}, 0)}, {{t}, {}})[0];
      double exact = 0;
      for (const double v : x.values) exact += v * v;
      cpu::dispatch_any(t, [&]<class T>(T) {
        const BackendArray<T> array({n}, cuda::stored_values<T>(x.values), 1);
        const double found = device().sum_of_squares(array.view());
        EXPECT_LE(std::abs(found - exact), 1e-5 * exact) << t << " " << n;
        EXPECT_EQ(found, device().sum_of_squares(array.view()));
        EXPECT_TRUE(device().all_finite(array.view()));
        for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")})
          for (const std::int64_t place : {std::int64_t{0}, n / 2, n - 1}) {
            KernelInput spoilt = x;
            spoilt.values[static_cast<std::size_t>(place)] = bad;
            const BackendArray<T> other({n}, cuda::stored_values<T>(spoilt.values), 1);
            EXPECT_FALSE(device().all_finite(other.view())) << t << " " << bad << " at " << place << " of " << n;
          }
      });
    }
}

}  // namespace
}  // namespace basin::gpu
