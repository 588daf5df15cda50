// basin trajectory: its flags.
#pragma once
#include <string>
#include <vector>

#include "tools/landscape_flags.h"

namespace basin {

struct TrajectoryFlags {
  LandscapeFlags landscape;       // its checkpoint is the first run's last
  std::vector<std::string> runs;  // run folders, or checkpoints of one run in order
  std::string plane;              // a direction file; "": principal components
  std::string centering = "none", type = "weights", ignore = "biasbn";
  std::int64_t every = 1;  // of the kept checkpoints
  bool surface = false;
  double margin = 0.2;       // of the path's extent, on each side
  std::int64_t points = 31;  // along each axis of the surface
  std::string out;
  bool force = false, resume = false;
};

// Throws Interrupted after Ctrl-C with what is done in the log.
void run_trajectory(TrajectoryFlags flags);

}  // namespace basin
