#include "landscape/surface_run.h"

#include "landscape/point_record.h"

namespace basin {
SurfaceRun::SurfaceRun(const Grid& grid, const EvaluationSet& set, const std::filesystem::path& log,
                       const std::string& configuration, const AppendLogOptions& options, std::size_t classes)
    : grid_(grid),
      train_classes_(set.train != nullptr ? classes : 0),
      test_classes_(set.test != nullptr ? classes : 0),
      log_(log, configuration, grid.size(), point_record_width(train_classes_, test_classes_), options),
      known_(static_cast<std::size_t>(grid.size())) {
  surface_.x = grid.x.values();
  if (grid.two_dimensional) surface_.y = grid.y.values();
  if (set.train != nullptr) surface_.train.emplace(known_.size());
  if (set.test != nullptr) surface_.test.emplace(known_.size());
  if (train_classes_ > 0) surface_.train_classes.emplace(train_classes_, known_.size());
  if (test_classes_ > 0) surface_.test_classes.emplace(test_classes_, known_.size());
  surface_.attributes["configuration"] = configuration;
  for (const LogRecord& record : log_.recovered()) take(record.index, result_of(record, train_classes_, test_classes_));
}

void SurfaceRun::take(std::int64_t point, const PointResult& result) {
  const auto index = static_cast<std::size_t>(point);
  if (surface_.train) surface_.train->set(index, result.train);
  if (surface_.test) surface_.test->set(index, result.test);
  if (surface_.train_classes) surface_.train_classes->set(index, known_.size(), result.train_classes);
  if (surface_.test_classes) surface_.test_classes->set(index, known_.size(), result.test_classes);
  known_[index] = true;
  ++done_;
}

void SurfaceRun::run(Evaluator& evaluator, const std::function<void(std::int64_t, const PointResult&)>& progress,
                     const std::function<bool()>& stop) {
  std::vector<std::int64_t> missing;
  for (std::int64_t i = 0; i < grid_.size(); ++i)
    if (!known_[static_cast<std::size_t>(i)]) missing.push_back(i);
  run(evaluator, missing, progress, stop);
}

void SurfaceRun::run(Evaluator& evaluator, const std::vector<std::int64_t>& missing,
                     const std::function<void(std::int64_t, const PointResult&)>& progress,
                     const std::function<bool()>& stop) {
  std::vector<Point> points;
  for (const std::int64_t i : missing) points.push_back(grid_.point(i));
  const auto finished = [&](std::size_t i, const PointResult& result) {
    log_.append(record_of(missing[i], result));
    take(missing[i], result);
    progress(done_, result);
  };
  evaluator.evaluate(points, finished, stop);
  log_.sync();
}

}  // namespace basin
