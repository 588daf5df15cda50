// The plane through three networks (as in Garipov et al. 2018, figure 1).
#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "landscape/direction.h"
#include "landscape/grid.h"

namespace basin {

// theta = w_1 + x u + y v with orthonormal u, v over the parameters, by Gram and Schmidt from w_2 - w_1 and w_3 - w_1:
// distances in the plane are distances of parameters. Directions are of the kind states: batch-norm statistics follow
// the same combinations, so that each network lies at its own place with its own statistics.
struct PlaneOfThree {
  Direction u, v;
  std::array<Point, 3> networks;  // (0, 0), (|w_2 - w_1|, 0), (a, b) with b > 0
};

// Sums in double; directions of the first state's dtype. Error if the states do not fit each other or lie on one line.
PlaneOfThree plane_through(const State& first, const State& second, const State& third);

// The ranges of `count` points that hold the networks with a margin, a share of their extent, on each side.
std::array<Range, 2> ranges_around(const PlaneOfThree& plane, double margin, std::int64_t count);

// What there is to draw in a plane beside its surface; an attribute of the direction file, JSON:
//   {"networks": [{"name": "a.safetensors", "x": 0, "y": 0}, ...], "path": [[x, y], ...]}
struct PlaneMarkers {
  struct Network {
    std::string name;
    Point at;
  };
  std::vector<Network> networks;
  std::vector<Point> path;  // of the curve between them, in order; may be empty
};
inline constexpr const char* kMarkersAttribute = "markers";
std::string text_of(const PlaneMarkers& markers);
// Of the direction file at `path`; none where it has no such attribute. Error naming the file if it is damaged.
std::optional<PlaneMarkers> read_markers(const std::filesystem::path& path);

}  // namespace basin
