#include "landscape/metrics/grid_losses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace basin {
namespace {

std::vector<std::size_t> ascending(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

// The place of 0 among ascending values, where it is one of them.
std::optional<std::size_t> place_of_zero(const std::vector<double>& values) {
  const auto found = std::find(values.begin(), values.end(), 0.0);
  return found == values.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - values.begin()));
}

}  // namespace

GridLosses2d GridLosses2d::coarse() const {
  GridLosses2d result;
  for (std::size_t c = center_column % 2; c < columns(); c += 2) result.x.push_back(x[c]);
  for (std::size_t r = center_row % 2; r < rows(); r += 2) {
    result.y.push_back(y[r]);
    for (std::size_t c = center_column % 2; c < columns(); c += 2) {
      result.loss.push_back(at(r, c));
      result.error.push_back(error_at(r, c));
    }
  }
  result.center_row = center_row / 2;
  result.center_column = center_column / 2;
  return result;
}

std::optional<GridLosses2d> grid_losses(const Surface& surface, const SurfaceValues& values) {
  const std::vector<double> one_row{0};
  const std::vector<double>& rows = surface.y ? *surface.y : one_row;
  const std::vector<std::size_t> by_x = ascending(surface.x), by_y = ascending(rows);
  GridLosses2d grid;
  for (const std::size_t c : by_x) grid.x.push_back(surface.x[c]);
  double lowest = std::numeric_limits<double>::infinity();
  std::size_t lowest_row = 0, lowest_column = 0;
  for (std::size_t r = 0; r < by_y.size(); ++r) {
    grid.y.push_back(rows[by_y[r]]);
    for (std::size_t c = 0; c < by_x.size(); ++c) {
      const std::size_t point = by_y[r] * surface.columns() + by_x[c];
      const bool there = values.valid[point] != 0 && std::isfinite(values.loss[point]);
      grid.loss.push_back(there ? values.loss[point] : std::numeric_limits<double>::quiet_NaN());
      grid.error.push_back(there ? values.loss_error[point] : std::numeric_limits<double>::quiet_NaN());
      if (!there || !(grid.loss.back() < lowest)) continue;
      lowest = grid.loss.back();
      lowest_row = r;
      lowest_column = c;
    }
  }
  if (!std::isfinite(lowest)) return std::nullopt;
  const auto column = place_of_zero(grid.x), row = place_of_zero(grid.y);
  const bool there = column && row && std::isfinite(grid.at(*row, *column));
  grid.center_row = there ? *row : lowest_row;
  grid.center_column = there ? *column : lowest_column;
  return grid;
}

}  // namespace basin
