#include "landscape/metrics/basin_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace basin {
namespace {

// The share of the axis that point i stands for.
double extent_of(const std::vector<double>& axis, std::size_t i) {
  if (axis.size() == 1) return 1;
  const double low = i == 0 ? axis[0] : (axis[i - 1] + axis[i]) / 2;
  const double high = i + 1 == axis.size() ? axis.back() : (axis[i] + axis[i + 1]) / 2;
  return (high - low) / (axis.back() - axis.front());
}

// Bilinear, NaN outside and beside a gap.
double loss_at(const GridLosses2d& grid, double x, double y) {
  if (!(x >= grid.x.front() && x <= grid.x.back() && y >= grid.y.front() && y <= grid.y.back()))
    return std::numeric_limits<double>::quiet_NaN();
  const auto cell = [](const std::vector<double>& axis, double value) {
    const auto above = std::upper_bound(axis.begin(), axis.end(), value);
    return std::min(static_cast<std::size_t>(std::max<std::ptrdiff_t>(above - axis.begin() - 1, 0)), axis.size() - 2);
  };
  const std::size_t c = cell(grid.x, x), r = cell(grid.y, y);
  const double s = (x - grid.x[c]) / (grid.x[c + 1] - grid.x[c]), t = (y - grid.y[r]) / (grid.y[r + 1] - grid.y[r]);
  return (1 - t) * ((1 - s) * grid.at(r, c) + s * grid.at(r, c + 1)) +
         t * ((1 - s) * grid.at(r + 1, c) + s * grid.at(r + 1, c + 1));
}

double radius_along(const GridLosses2d& grid, double level, double angle) {
  const double x0 = grid.x[grid.center_column], y0 = grid.y[grid.center_row];
  const double dx = std::cos(angle), dy = std::sin(angle);
  const double cell = std::min((grid.x.back() - grid.x.front()) / static_cast<double>(grid.columns() - 1),
                               (grid.y.back() - grid.y.front()) / static_cast<double>(grid.rows() - 1));
  const double step = cell / 8;  // the surface is bilinear in a cell: nearly linear between two steps
  double before = grid.center();
  for (int i = 1;; ++i) {
    const double distance = i * step, value = loss_at(grid, x0 + distance * dx, y0 + distance * dy);
    if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
    if (value >= level) return distance - step * (value - level) / std::max(value - before, 1e-300);
    before = value;
  }
}

}  // namespace

Area connected_area(const GridLosses2d& grid, double level) {
  const std::size_t rows = grid.rows(), columns = grid.columns();
  std::vector<bool> inside(rows * columns, false);
  std::vector<std::size_t> open;
  const auto visit = [&](std::size_t point) {
    if (inside[point] || !(grid.loss[point] <= level)) return;
    inside[point] = true;
    open.push_back(point);
  };
  visit(grid.center_row * columns + grid.center_column);
  Area area;
  double rim = 0;
  while (!open.empty()) {
    const std::size_t point = open.back(), r = point / columns, c = point % columns;
    open.pop_back();
    const double share = extent_of(grid.x, c) * extent_of(grid.y, r);
    area.share += share;
    bool inner = true;
    for (const auto& [down, right] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
      const std::size_t row = r + static_cast<std::size_t>(down), column = c + static_cast<std::size_t>(right);
      if (row >= rows || column >= columns) continue;  // the subtraction wraps round
      const std::size_t neighbour = row * columns + column;
      visit(neighbour);
      inner = inner && inside[neighbour];
    }
    if (!inner) rim += share * share / 12;  // variance of a uniform half in, half out
  }
  area.grid_error = std::sqrt(rim);
  return area;
}

std::vector<double> contour_radii(const GridLosses2d& grid, double level, int rays) {
  std::vector<double> radii;
  for (int ray = 0; ray < rays; ++ray) radii.push_back(radius_along(grid, level, 2 * std::numbers::pi * ray / rays));
  return radii;
}

}  // namespace basin
