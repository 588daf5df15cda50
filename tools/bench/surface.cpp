#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/backend.h"
#include "core/parallel.h"
#include "core/random.h"
#include "landscape/evaluator.h"
#include "models/registry.h"
#include "tools/bench/bench.h"

namespace basin {
namespace {

Images random_images(std::int64_t count) {
  Images images;
  images.count = count;
  const Random random(1, 3);
  for (std::int64_t i = 0; i < count * images.image_size(); ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(random.below(256, static_cast<std::uint64_t>(i))));
  for (std::int64_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::int32_t>(i % 10));
  return images;
}

// Points of a plane with two filter-normalised directions; an iteration is one point per thread and a few more, so that
// every thread has work.
void surface(benchmark::State& state, const std::string& name, LandscapePrecision precision, std::int64_t count) {
  const Model model = find_model(name);
  const State center = initialize(model, 1, cpu_backend());
  const Direction x = random_direction(center, {}, 1, 0), y = random_direction(center, {}, 1, 1);
  const Images images = random_images(count);
  const EvaluationSet set{.train = &images, .normalization = recipe_normalization()};
  const auto evaluator = make_evaluator({.model = &model, .center = &center, .x = &x, .y = &y}, set,
                                        {.threads = thread_count(), .precision = precision});
  std::vector<Point> points;
  for (int i = 0; i < 4 * thread_count(); ++i) points.push_back({0.01 * i, -0.01 * i});
  for (auto _ : state)
    evaluator->evaluate(
        points, [](std::size_t, const PointResult&) {}, [] { return false; });
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(points.size()));
  state.SetLabel(evaluator->engine() + " " + evaluator->precision());
}

}  // namespace

void register_surface_benchmarks() {
  constexpr std::int64_t kImages = 512;
  for (const std::string model : {"resnet20", "resnet56", "vgg9"})
    for (const LandscapePrecision precision : {LandscapePrecision::exact, LandscapePrecision::fast})
      benchmark::RegisterBenchmark(
          ("surface/" + model + "/" + name_of(precision) + "/" + std::to_string(kImages)).c_str(),
          [=](benchmark::State& state) { surface(state, model, precision, kImages); })
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
}

}  // namespace basin
