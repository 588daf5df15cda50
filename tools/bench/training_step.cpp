#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/backend.h"
#include "core/cpu/compute.h"
#include "core/optimizer.h"
#include "models/registry.h"
#include "tools/bench/bench.h"

namespace basin {
namespace {

constexpr int kWarmUp = 3;

// Forward, backward and the SGD update on one batch in memory: what PyTorch's side times too.
void training_step(benchmark::State& state, const std::string& name, Compute compute, std::int64_t batch) {
  set_compute(compute);
  Backend& cpu = cpu_backend();
  const Model model = find_model(name);
  State network = initialize(model, 1, cpu);
  std::vector<std::string> names;
  for (const Entry& entry : network.entries())
    if (is_parameter(entry.role)) names.push_back(entry.name);
  const auto optimizer = make_optimizer({}, names, network.parameters());
  const Tensor images = normal({batch, 32, 32, 3}, 1, 2, DType::f32, cpu);
  std::vector<std::int32_t> classes;
  for (std::int64_t n = 0; n < batch; ++n) classes.push_back(static_cast<std::int32_t>(n % model.classes));
  const Tensor labels = Tensor::from({batch}, classes, cpu);
  const auto step = [&] {
    Tensors gradients;
    {
      const Tensor loss = mean(softmax_cross_entropy(forward(model, network, images, Mode::train), labels));
      gradients = gradient(loss, network.parameters());
    }
    optimizer->step(gradients, 0.05);
  };
  for (int i = 0; i < kWarmUp; ++i) step();  // primitives are made, memory is touched
  for (auto _ : state) step();
  set_compute(Compute::f32);
  state.SetItemsProcessed(state.iterations() * batch);
}

}  // namespace

void register_training_benchmarks() {
  constexpr std::int64_t kBatch = 128;
  for (const std::string model : {"resnet20", "resnet56", "vgg9"})
    for (const Compute compute : {Compute::f32, Compute::bf16}) {
      if (compute == Compute::bf16 && !bf16_supported()) continue;
      const std::string precision = compute == Compute::f32 ? "fp32" : "bf16";
      benchmark::RegisterBenchmark(("training/" + model + "/" + precision + "/" + std::to_string(kBatch)).c_str(),
                                   [=](benchmark::State& state) { training_step(state, model, compute, kBatch); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    }
}

}  // namespace basin
