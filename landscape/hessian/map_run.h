// The resumable computation of a map of the Hessian's extreme eigenvalues over a plane.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "landscape/append_log.h"
#include "landscape/grid.h"
#include "landscape/hessian/map_file.h"
#include "landscape/loss_function.h"
#include "landscape/plane.h"

namespace basin {

struct MapOptions {
  double tolerance = 1e-2;     // of the residuals, relative to the largest |eigenvalue| (the reference tool's)
  std::int64_t products = 60;  // at a point, at most
  std::uint64_t seed = 1;      // of the start: the same at all points
};

class HessianMapRun {
 public:
  // Opens or creates the log (errors as AppendLog); see SurfaceRun.
  HessianMapRun(const Grid& grid, const std::filesystem::path& log, const std::string& configuration);

  std::int64_t points() const { return grid_.size(); }
  std::int64_t done() const { return done_; }
  bool complete() const { return done() == points(); }

  // Where the loss of the network or a product is not finite, so are the eigenvalues: NaN, not converged. Ends early
  // when stop() is true, asked between points; `loss` may throw Interrupted within one, which is then not done.
  void run(const Plane& plane, LossFunction& loss, const MapOptions& options,
           const std::function<void(std::int64_t done, std::size_t point)>& progress,
           const std::function<bool()>& stop);

  HessianMap& map() { return map_; }
  void remove_log() { log_.remove(); }

 private:
  void take(const LogRecord& record);

  Grid grid_;
  AppendLog log_;
  HessianMap map_;
  std::int64_t done_ = 0;
};

}  // namespace basin
