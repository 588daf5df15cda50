// The plane in which paths are drawn, and where their points lie in it.
#pragma once
#include <filesystem>
#include <functional>
#include <vector>

#include "landscape/direction_file.h"
#include "landscape/trajectory/principal_components.h"
#include "landscape/trajectory/projection.h"
#include "models/training/checkpoint.h"
#include "tools/trajectory/checkpoints.h"

namespace basin {

// What a point's coordinates are made of.
struct PathSpace {
  const Checkpoint& center;  // the last checkpoint of the first run: the origin
  DirectionOptions options;  // kind and ignored tensors; norm none
  std::vector<float> difference(const std::filesystem::path& checkpoint) const;  // from the centre, flat
  std::vector<float> flat(const Direction& direction) const;                     // of the same elements
  std::size_t size() const;
  Direction direction(const std::vector<double>& flat) const;  // the inverse of flat()
};

struct PathPlane {
  DirectionPair directions;
  std::vector<Projection> projections;  // of each point
  std::optional<PrincipalComponents> components;
};

// The plane of the first two principal components of all points. `loaded` follows each checkpoint that is read. Error
// if the path does not span a plane.
PathPlane principal_plane(const PathSpace& space, const SavedRuns& runs, Centering centering,
                          const std::function<void()>& loaded);
// That of the directions in a file.
PathPlane given_plane(const PathSpace& space, const SavedRuns& runs, DirectionPair directions,
                      const std::function<void()>& loaded);

}  // namespace basin
