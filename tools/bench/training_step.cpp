// Steps of training as `basin train` does them, on images in the memory of the device: load, forward, backward, update.
#include <benchmark/benchmark.h>

#include "core/cpu/compute.h"
#include "models/training/training_step.h"
#include "tools/bench/bench.h"
#include "tools/bench/random_images.h"

namespace basin {
namespace {

constexpr int kWarmUp = 3;
constexpr std::int64_t kBatchesOfAnEpoch = 64;

// A network in training. Without augmentation: PyTorch's side, whose images are ready in memory, has none either.
class Training {
 public:
  Training(const std::string& name, Precision precision, std::int64_t batch, Backend& backend)
      : model_(find_model(name)), state_(initialize(model_, 1, cpu_backend()).on(backend)), backend_(backend) {
    std::vector<std::string> names;
    for (const Entry& entry : state_.entries())
      if (is_parameter(entry.role)) names.push_back(entry.name);
    optimizer_ = make_optimizer({}, names, state_.parameters());
    TrainingOptions options;
    options.model = name;
    options.epochs = 1;
    options.batch = batch;
    options.learning_rate = 0.05;
    options.schedule = ScheduleKind::constant;
    options.augment = false;
    options.precision = precision;
    const Images images = random_images(batch * kBatchesOfAnEpoch);
    step_ = std::make_unique<TrainingStep>(model_, state_, *optimizer_, options,
                                           ResidentImages(images, images.count, recipe_normalization(), backend));
    first_ = first_status(precision);
    step_->start_epoch(first_);
  }

  // At most an epoch of them, from its beginning.
  void run(std::int64_t steps) {
    for (std::int64_t i = 0; i < steps; ++i) step_->run(step_->batch_images(0));
    backend_.synchronize();
  }
  void rewind() {
    step_->start_epoch(first_);
    backend_.synchronize();
  }

 private:
  Model model_;
  State state_;
  Backend& backend_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> step_;
  StepStatus first_;
};

void training_step(benchmark::State& state, const std::string& name, Precision precision, std::int64_t batch,
                   const BenchOptions& options) {
  Training training(name, precision, batch, options.backend);
  training.run(kWarmUp);  // primitives are made, memory is touched
  // The CPU has done a step when run() returns; a GPU is given many before the host waits.
  const std::int64_t steps = options.on_cpu() ? 1 : kBatchesOfAnEpoch;
  while (state.KeepRunningBatch(steps)) {
    state.PauseTiming();
    training.rewind();
    state.ResumeTiming();
    training.run(steps);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

}  // namespace

void register_training_benchmarks(const BenchOptions& options) {
  std::vector<std::string> models{"resnet20", "resnet56", "vgg9"};
  std::vector<Precision> precisions{Precision::fp32};
  if (!options.on_cpu()) models.push_back("vgg16-bn");
  if (!options.on_cpu() || bf16_supported()) precisions.push_back(Precision::bf16);
  if (!options.on_cpu()) precisions.push_back(Precision::fp16);
  for (const std::string& model : models)
    for (const Precision precision : precisions)
      for (const std::int64_t batch : options.batches)
        benchmark::RegisterBenchmark(
            ("training/" + model + "/" + name_of(precision) + "/" + std::to_string(batch)).c_str(),
            [=](benchmark::State& state) { training_step(state, model, precision, batch, options); })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
}

}  // namespace basin
