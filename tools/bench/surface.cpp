#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/parallel.h"
#include "landscape/evaluator.h"
#include "models/plan.h"
#include "tools/bench/bench.h"
#include "tools/bench/random_images.h"
#include "tools/devices/devices.h"

namespace basin {
namespace {

// A network, two filter-normalised directions and random images.
struct Landscape {
  Landscape(const std::string& name, std::int64_t count)
      : model(find_model(name)),
        center(initialize(model, 1, cpu_backend())),
        x(random_direction(center, {}, 1, 0)),
        y(random_direction(center, {}, 1, 1)),
        images(random_images(count)) {}
  std::unique_ptr<Evaluator> make(const EvaluatorOptions& options) const {
    const EvaluationSet set{.train = &images, .normalization = recipe_normalization()};
    return make_evaluator({.model = &model, .center = &center, .x = &x, .y = &y}, set, options);
  }
  Model model;
  State center;
  Direction x, y;
  Images images;
};

// Evaluates `count` points of the plane in each iteration -> seconds a point.
double time_points(benchmark::State& state, Evaluator& evaluator, int count) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) points.push_back({0.002 * i, -0.002 * i});
  const auto evaluate = [&] {
    evaluator.evaluate(
        points, [](std::size_t, const PointResult&) {}, [] { return false; });
  };
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) evaluate();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  state.SetItemsProcessed(state.iterations() * count);
  state.SetLabel(evaluator.engine() + " " + evaluator.precision());
  return spent.count() / static_cast<double>(state.iterations() * count);
}

// One point a thread and a few more, so that every thread has work.
void surface_on_cpu(benchmark::State& state, const std::string& name, LandscapePrecision precision,
                    std::int64_t images) {
  const Landscape landscape(name, images);
  const auto evaluator = landscape.make({.threads = thread_count(), .precision = precision});
  time_points(state, *evaluator, 4 * thread_count());
}

// Two chunks, of which one is under way while the other's results are taken.
void surface_on_gpu(benchmark::State& state, const std::string& name, LandscapePrecision precision, std::int64_t images,
                    Backend& device) {
  const Landscape landscape(name, images);
  const auto evaluator = landscape.make({.precision = precision, .devices = {&device}});
  evaluate_point(*evaluator, {});  // loads the kernels
  const double seconds = time_points(state, *evaluator, 128);
  const Plan plan = trace(landscape.model, landscape.center);
  const double flops = 2 * static_cast<double>(plan.multiply_adds * images);
  const bool exact = precision == LandscapePrecision::exact;
  // Exact products are three of tf32 each.
  const double limit = tensor_core_limit(device, exact ? DType::f32 : DType::f16) / (exact ? 3 : 1);
  state.counters["images/s"] = static_cast<double>(images) / seconds;
  state.counters["FLOP/s"] = flops / seconds;
  state.counters["of mma.sync"] = flops / seconds / limit;
}

}  // namespace

void register_surface_benchmarks(const BenchOptions& options) {
  const std::vector<std::string> models =
      options.on_cpu() ? std::vector<std::string>{"resnet20", "resnet56", "vgg9"}
                       : std::vector<std::string>{"resnet20", "resnet56", "resnet110", "vgg9", "vgg16-bn", "wrn56-4"};
  const std::int64_t images = options.images;
  for (const std::string& model : models)
    for (const LandscapePrecision precision : {LandscapePrecision::exact, LandscapePrecision::fast})
      benchmark::RegisterBenchmark(
          ("surface/" + model + "/" + name_of(precision) + "/" + std::to_string(images)).c_str(),
          [=, &device = options.backend, on_cpu = options.on_cpu()](benchmark::State& state) {
            if (on_cpu)
              surface_on_cpu(state, model, precision, images);
            else
              surface_on_gpu(state, model, precision, images, device);
          })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace basin
