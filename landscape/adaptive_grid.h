// A grid that is computed where the surface bends: from every 8th point of each axis down, a cell is halved where
// linear interpolation in it would be off by more than a tolerance. Heights are ln(min(loss, 10) + 0.1), as figure 1 of
// Li et al. 2018 draws them: what lies above the clip is not refined.
#pragma once
#include <cstdint>
#include <vector>

#include "landscape/grid.h"

namespace basin {

class AdaptiveGrid {
 public:
  // `tolerance` in units of height, > 0. The grid has two axes.
  AdaptiveGrid(const Grid& grid, double tolerance);

  // The points of the next level that are still missing, ascending; none: all is done. Losses are those of the points
  // with valid = 1; cells with a loss that is not finite at a corner are halved. A function of the losses alone: work
  // that was interrupted goes on as it would have.
  std::vector<std::int64_t> missing(const std::vector<double>& loss, const std::vector<std::uint8_t>& valid) const;

  // A loss for every point: as computed, else bilinear in ln(loss + 0.1) between the corners of the smallest computed
  // cell around it; NaN where a corner is not finite.
  std::vector<double> filled(const std::vector<double>& loss, const std::vector<std::uint8_t>& valid) const;

  static constexpr std::int64_t kCoarsest = 8;

 private:
  struct Level {
    std::vector<std::int64_t> x, y;  // indices of the nodes along each axis, both ends included
  };
  std::int64_t index(std::int64_t row, std::int64_t column) const { return row * grid_.x.count + column; }
  bool bends(const Level& level, std::size_t cell_x, std::size_t cell_y, const std::vector<double>& heights) const;

  Grid grid_;
  double tolerance_;
  std::vector<Level> levels_;  // coarsest first
};

}  // namespace basin
