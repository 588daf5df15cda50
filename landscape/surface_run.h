// The resumable computation of a surface: points already in the log are taken from it, the others are evaluated and
// appended as they finish.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "landscape/append_log.h"
#include "landscape/surface_file.h"

namespace basin {

class SurfaceRun {
 public:
  // Opens or creates the log (errors as AppendLog). `configuration`: JSON text with everything a point's result depends
  // on; it becomes the surface's attribute "configuration". `classes`: the evaluator gives the losses of that many
  // classes.
  SurfaceRun(const Grid& grid, const EvaluationSet& set, const std::filesystem::path& log,
             const std::string& configuration, const AppendLogOptions& options = {}, std::size_t classes = 0);

  std::int64_t points() const { return grid_.size(); }
  const Grid& grid() const { return grid_; }
  std::int64_t done() const { return done_; }
  bool complete() const { return done() == points(); }

  // Evaluates what is missing until it is complete or `stop()` is true; `progress(points done, last result)` follows
  // each point. The surface is the same to the last bit however often this was interrupted, killed included, and on any
  // number of threads.
  void run(Evaluator& evaluator, const std::function<void(std::int64_t, const PointResult&)>& progress,
           const std::function<bool()>& stop);
  // The same for these points alone, ascending, none of which is there yet.
  void run(Evaluator& evaluator, const std::vector<std::int64_t>& points,
           const std::function<void(std::int64_t, const PointResult&)>& progress, const std::function<bool()>& stop);

  // What is there so far; the caller adds attributes and saves it.
  Surface& surface() { return surface_; }
  // Deletes the log, once the complete surface is safe on the disk.
  void remove_log() { log_.remove(); }

 private:
  void take(std::int64_t point, const PointResult& result);

  Grid grid_;
  std::size_t train_classes_, test_classes_;
  AppendLog log_;
  Surface surface_;
  std::vector<bool> known_;
  std::int64_t done_ = 0;
};

}  // namespace basin
