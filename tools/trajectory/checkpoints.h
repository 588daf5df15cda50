// The checkpoints of training runs, in the order of training.
#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace basin {

struct SavedPoint {
  std::filesystem::path path;
  std::int64_t run = 0;                                             // counted from 0
  std::int64_t epoch = -1;                                          // -1: the file does not say
  double learning_rate = std::numeric_limits<double>::quiet_NaN();  // of the last step before it; NaN: not known
};

struct SavedRuns {
  std::vector<std::string> names;               // of the runs
  std::vector<SavedPoint> points;               // run by run
  std::size_t last_of(std::int64_t run) const;  // the place of its final point
};

// Each of `arguments` is a run folder, whose checkpoints/epoch_*.safetensors are taken by number, with last.safetensors
// where it is further on; or all are checkpoints of one run, in order. Every `every`-th of a run is taken, and its
// last. Error, naming the folder, where there are fewer than two.
SavedRuns find_checkpoints(const std::vector<std::string>& arguments, std::int64_t every);

}  // namespace basin
