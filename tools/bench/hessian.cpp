// Gradients, Hessian-vector products and Lanczos steps of the mean loss over images, as `basin hessian` computes them.
#include <benchmark/benchmark.h>

#include "landscape/hessian/lanczos.h"
#include "landscape/hessian/probes.h"
#include "landscape/loss_function.h"
#include "tools/bench/bench.h"
#include "tools/bench/random_images.h"

namespace basin {
namespace {

constexpr std::int64_t kLanczosSteps = 20;

struct Curvature {
  Curvature(const std::string& name, std::int64_t images, Backend& device)
      : model(find_model(name)),
        center(initialize(model, 1, cpu_backend())),
        loss(model, center, ParameterSpace(center, {"matrices"}), random_images(images), recipe_normalization(),
             device),
        point(loss.center()),
        v(normal_probe(type_of(point), 1, "benchmark", 0)) {}
  Model model;
  State center;
  LossFunction loss;
  Tensor point, v;
};

void gradient_of(benchmark::State& state, const Curvature& c) {
  c.loss.value_and_gradient(c.point);  // primitives are made, memory is touched
  for (auto _ : state) {
    c.loss.value_and_gradient(c.point);
    c.loss.backend().synchronize();
  }
}

// The first product at a point: forward, gradient, and the gradient's own.
void first_product(benchmark::State& state, const Curvature& c) {
  c.loss.hessian_product(c.point, c.v);
  for (auto _ : state) {
    c.loss.hessian_product(c.loss.center(), c.v);
    c.loss.backend().synchronize();
  }
}

// Those that follow at the same point.
void further_product(benchmark::State& state, const Curvature& c) {
  c.loss.hessian_product(c.point, c.v);
  for (auto _ : state) {
    c.loss.hessian_product(c.point, c.v);
    c.loss.backend().synchronize();
  }
}

// Of a run of kLanczosSteps, orthogonalisation included; the time is that of one step.
void lanczos_step(benchmark::State& state, const Curvature& c) {
  c.loss.hessian_product(c.point, c.v);
  while (state.KeepRunningBatch(kLanczosSteps)) {
    Lanczos lanczos([&](const Tensor& v) { return c.loss.hessian_product(c.point, v); }, c.v, kLanczosSteps);
    while (lanczos.step()) {
    }
    benchmark::DoNotOptimize(lanczos.ritz());
  }
}

}  // namespace

void register_hessian_benchmarks(const BenchOptions& options) {
  using Work = void (*)(benchmark::State&, const Curvature&);
  const std::pair<const char*, Work> works[] = {{"gradient", gradient_of},
                                                {"first_product", first_product},
                                                {"product", further_product},
                                                {"lanczos_step", lanczos_step}};
  for (const char* model : {"resnet20", "resnet56", "vgg9"})
    for (const auto& [name, work] : works)
      benchmark::RegisterBenchmark(
          ("hessian/" + std::string(model) + "/" + name + "/" + std::to_string(options.images)).c_str(),
          [=, work = work, &device = options.backend, images = options.images](benchmark::State& state) {
            work(state, Curvature(model, images, device));
          })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace basin
