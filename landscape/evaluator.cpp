#include "landscape/evaluator.h"

#include <algorithm>
#include <thread>

#include "core/choice.h"
#include "landscape/engines.h"

namespace basin {
namespace {

constexpr Choice<LandscapePrecision> kPrecisions[] = {
    {"auto", LandscapePrecision::automatic}, {"exact", LandscapePrecision::exact}, {"fast", LandscapePrecision::fast}};

void check_images(const Images& images, const Model& model, const char* name) {
  check(images.count > 0, name, " images: there are none");
  const Shape shape{images.height, images.width, images.channels};
  check(shape == model.image, name, " images are ", shape, ", ", model.name, " takes ", model.image);
  for (std::int64_t i = 0; i < images.count; ++i) {
    const std::int32_t label = images.labels[static_cast<std::size_t>(i)];
    check(label >= 0 && label < model.classes, name, " image ", i, " has label ", label, ", ", model.name, " has ",
          model.classes, " classes");
  }
}

}  // namespace

LandscapePrecision parse_landscape_precision(std::string_view name) {
  return parse_choice("--precision", name, kPrecisions);
}
std::string name_of(LandscapePrecision precision) { return choice_name(precision, kPrecisions); }

std::vector<std::string> engine_names() {
  std::vector<std::string> names{"auto"};
  for (const Engine& engine : engines()) names.push_back(engine.name);
  return names;
}

std::unique_ptr<Evaluator> make_evaluator(const Plane& plane, const EvaluationSet& set,
                                          const EvaluatorOptions& options) {
  const bool automatic = options.engine == "auto";
  const Engine* engine = automatic ? nullptr : &find_engine(engines(), options.engine);
  check(options.threads >= 0, "threads: ", options.threads, " is below 0");
  check_plane(plane);
  check(set.train != nullptr || set.test != nullptr, "evaluation: no image set is given");
  if (set.train != nullptr) check_images(*set.train, *plane.model, "train");
  if (set.test != nullptr) check_images(*set.test, *plane.model, "test");
  check(options.chunk >= 1, "chunk: ", options.chunk, " points");
  check(set.statistics_batch >= 1, "statistics: batches of ", set.statistics_batch, " images");
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  EngineRequest request{
      plane,           set,          nullptr, options.precision, options.threads > 0 ? options.threads : processors,
      options.devices, options.chunk};
  if (automatic || engine->takes_plan) request.plan = std::make_shared<const Plan>(trace(*plane.model, *plane.center));
  if (automatic) engine = &best_engine(engines(), request);
  check_request(*engine, request);
  return engine->make(request);
}

PointResult evaluate_point(Evaluator& evaluator, const Point& point) {
  PointResult value;
  evaluator.evaluate(
      {&point, 1}, [&](std::size_t, const PointResult& result) { value = result; }, [] { return false; });
  return value;
}

}  // namespace basin
