#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/backend.h"
#include "tools/bench/bench.h"

namespace basin {
namespace {

Tensor values(const Shape& shape, std::uint64_t stream) { return normal(shape, 1, stream, DType::f32, cpu_backend()); }

// Runs `kernel` once per iteration and reports GFLOP/s and GB/s from its own counts.
template <class Kernel>
void time(benchmark::State& state, double flops, double bytes, const Kernel& kernel) {
  const Recording off(false);
  for (auto _ : state) benchmark::DoNotOptimize(kernel());
  const auto rate = [](double amount) {
    return benchmark::Counter(amount * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  };
  if (flops > 0) state.counters["GFLOP/s"] = rate(flops);
  state.counters["GB/s"] = rate(bytes);
}

struct ConvolutionCase {
  std::int64_t images, channels, extent, filters, kernel, stride;
  std::string name() const {
    return "N" + std::to_string(images) + "_C" + std::to_string(channels) + "_H" + std::to_string(extent) + "_K" +
           std::to_string(filters) + "_R" + std::to_string(kernel) + "_S" + std::to_string(stride);
  }
};

void register_convolutions(const ConvolutionCase& c) {
  const Conv2d options{.stride = c.stride, .padding = c.kernel / 2};
  const Shape x{c.images, c.extent, c.extent, c.channels}, w{c.filters, c.kernel, c.kernel, c.channels};
  const Shape y = conv2d_shape(x, w, options);
  const double flops = 2.0 * static_cast<double>(y.count() * c.kernel * c.kernel * c.channels);
  const double bytes = 4.0 * static_cast<double>(x.count() + w.count() + y.count());
  const auto add = [&](const std::string& operation, auto kernel) {
    benchmark::RegisterBenchmark(("operation/" + operation + "/" + c.name()).c_str(),
                                 [=](benchmark::State& state) { time(state, flops, bytes, kernel); })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  };
  const Tensor image = values(x, 1), weight = values(w, 2), grad = values(y, 3);
  add("conv2d", [=] { return conv2d(image, weight, options); });
  add("conv2d_input_gradient", [=] { return conv2d_input_gradient(grad, weight, x, options); });
  add("conv2d_weight_gradient", [=] { return conv2d_weight_gradient(image, grad, w, options); });
}

void register_batch_norm(std::int64_t images, std::int64_t extent, std::int64_t channels) {
  const Shape shape{images, extent, extent, channels};
  const Tensor x = values(shape, 1), gamma = values({channels}, 2), beta = values({channels}, 3),
               grad = values(shape, 4);
  const std::string name =
      "N" + std::to_string(images) + "_H" + std::to_string(extent) + "_C" + std::to_string(channels);
  const double array = 4.0 * static_cast<double>(shape.count());
  benchmark::RegisterBenchmark(("operation/batch_norm_relu/" + name).c_str(),
                               [=](benchmark::State& state) {
                                 time(state, 0, 2 * array,
                                      [&] { return batch_norm_training(x, gamma, beta, {}, {.relu = true}).y; });
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark(
      ("operation/batch_norm_relu_gradient/" + name).c_str(),
      [=](benchmark::State& state) {
        Tensor y;
        {
          const Recording on(true);
          y = batch_norm_training(x, gamma, beta, {}, {.relu = true}).y;
        }
        time(state, 0, 3 * array, [&] { return gradient(y, {x, gamma, beta}, {.seed = grad}); });
      })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
}

}  // namespace

void register_operation_benchmarks() {
  // The layers of ResNet-20 at batch 128, and one of VGG-9.
  for (const ConvolutionCase& c : {ConvolutionCase{128, 3, 32, 16, 3, 1},
                                   {128, 16, 32, 16, 3, 1},
                                   {128, 16, 32, 32, 3, 2},
                                   {128, 32, 16, 32, 3, 1},
                                   {128, 64, 8, 64, 3, 1},
                                   {128, 128, 16, 128, 3, 1}})
    register_convolutions(c);
  register_batch_norm(128, 32, 16);
  register_batch_norm(128, 16, 32);
  register_batch_norm(128, 8, 64);
}

}  // namespace basin
