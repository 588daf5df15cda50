// The path of training in a plane, on disk: HDF5.
//
//   proj_xcoord, proj_ycoord f64 (n): names of the reference tool; coordinates of each checkpoint in multiples of the
//   directions, from the final checkpoint of the first run
//   distance, length f64 (n): from the plane, and from that final checkpoint
//   run, epoch i64 (n): which run it belongs to, counted from 0, and after how many epochs it was saved, -1: unknown
//   learning_rate f64 (n): of the last step before the checkpoint, NaN: unknown; absent in older files
//   {train,test}_loss, _loss_error, _acc, _acc_error f64 (n): of the checkpoint itself
//   plane_{train,test}_loss, _loss_error, _acc, _acc_error f64 (n): at its projection in the plane
//   explained_variance_ratio_, explained_variance_, singular_values_ f64 (k), all components, and random_walk_ratio f64
//   (k): what a random walk would have (principal_components.h); absent where the plane was given
//   dir_file text; attributes of the root: "format" = "basin trajectory 1", and those of Trajectory::attributes
#pragma once
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/evaluator.h"
#include "landscape/trajectory/projection.h"

namespace basin {

struct TrajectoryPoint {
  Projection projection;
  std::int64_t run = 0, epoch = -1;
  double learning_rate = std::numeric_limits<double>::quiet_NaN();  // of the last step before it
  PointResult truth, in_plane;                                      // of the checkpoint, and at its projection
};

struct Trajectory {
  std::vector<TrajectoryPoint> points;
  bool train = false, test = false;  // which losses there are
  std::vector<double> variance_ratio, explained_variance, singular_values, random_walk_ratio;
  std::string direction_file;
  std::map<std::string, std::string> attributes;  // configuration, runs (JSON list of their names), centering, ...
};

void write_trajectory(const std::filesystem::path& path, const Trajectory& trajectory);
// Of Basin, or a projection of the reference tool: coordinates alone, distances NaN. Error naming the file, the
// dataset, what was expected and what was found.
Trajectory read_trajectory(const std::filesystem::path& path);

}  // namespace basin
