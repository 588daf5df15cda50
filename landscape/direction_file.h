// Directions on disk, in the reference tool's layout: HDF5 groups xdirection and ydirection with float32 datasets "0",
// "1",
// ... in the order of the parameters (weights) or of the whole state (states), in PyTorch's shapes.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/direction.h"

namespace basin {

struct DirectionPair {
  Direction x;
  std::optional<Direction> y;
  std::map<std::string, std::string> attributes = {};  // of the root: seed, norm, ...; the reference tool has none
  // Of principal components, f64 (k): explained_variance_ratio_, explained_variance_, singular_values_.
  std::map<std::string, std::vector<double>> arrays = {};
};

// Replaces the file at `path` atomically; equal directions give equal bytes. What does not move is written as zeros.
// Error if a direction does not fit the state (the file then stays as it was), or x and y are of different kinds.
void write_directions(const std::filesystem::path& path, const State& state, const DirectionPair& directions);

// Reads and validates the directions for networks like `state`. The kind follows from the number of tensors; files of
// the states kind may lack PyTorch's num_batches_tracked, as old versions did. A tensor of zeros does not move (it is
// left undefined). Error naming the file, the group, the entry, what was expected and what was found.
DirectionPair read_directions(const std::filesystem::path& path, const State& state);

}  // namespace basin
