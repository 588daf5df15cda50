// The losses of a surface on its grid, in ascending coordinates, and its centre.
#pragma once
#include <optional>
#include <vector>

#include "landscape/surface_file.h"

namespace basin {

struct GridLosses2d {
  std::vector<double> x, y;  // ascending
  std::vector<double> loss;  // (y.size(), x.size()); NaN where it was not computed or is not finite
  std::vector<double> error;
  std::size_t center_row = 0, center_column = 0;

  std::size_t rows() const { return y.size(); }
  std::size_t columns() const { return x.size(); }
  double at(std::size_t row, std::size_t column) const { return loss[row * columns() + column]; }
  double error_at(std::size_t row, std::size_t column) const { return error[row * columns() + column]; }
  double center() const { return at(center_row, center_column); }
  double center_error() const { return error_at(center_row, center_column); }
  // Every second row and column, the centre's among them.
  GridLosses2d coarse() const;
};

// A line is a grid of one row. None where no loss is finite.
std::optional<GridLosses2d> grid_losses(const Surface& surface, const SurfaceValues& values);

}  // namespace basin
