#include "landscape/evaluator.h"

#include <algorithm>
#include <thread>

#include "core/nearest.h"
#include "landscape/engine_autograd.h"
#include "landscape/engine_onednn.h"

namespace basin {
namespace {

struct Engine {
  const char* name;
  std::unique_ptr<Evaluator> (*make)(const Plane& plane, const EvaluationSet& set, int threads);
};
// The first is what "auto" takes.
constexpr Engine kEngines[] = {{"onednn", make_onednn_evaluator}, {"autograd", make_autograd_evaluator}};

const Engine& find_engine(const std::string& name) {
  if (name == "auto") return kEngines[0];
  for (const Engine& engine : kEngines)
    if (name == engine.name) return engine;
  const std::string near = nearest(name, engine_names());
  std::string list;
  for (const std::string& known : engine_names()) list += (list.empty() ? "" : ", ") + known;
  fail("unknown engine '", name, "'", near.empty() ? "" : "; did you mean " + near + "?", " (one of ", list, ")");
}

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

std::vector<std::string> engine_names() {
  std::vector<std::string> names{"auto"};
  for (const Engine& engine : kEngines) names.emplace_back(engine.name);
  return names;
}

std::unique_ptr<Evaluator> make_evaluator(const Plane& plane, const EvaluationSet& set,
                                          const EvaluatorOptions& options) {
  const Engine& engine = find_engine(options.engine);
  check(options.threads >= 0, "threads: ", options.threads, " is below 0");
  check_plane(plane);
  check(set.train != nullptr || set.test != nullptr, "evaluation: no image set is given");
  if (set.train != nullptr) check_images(*set.train, *plane.model, "train");
  if (set.test != nullptr) check_images(*set.test, *plane.model, "test");
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return engine.make(plane, set, options.threads > 0 ? options.threads : processors);
}

PointResult evaluate_point(Evaluator& evaluator, const Point& point) {
  PointResult value;
  evaluator.evaluate(
      {&point, 1}, [&](std::size_t, const PointResult& result) { value = result; }, [] { return false; });
  return value;
}

}  // namespace basin
