#include "landscape/metrics/surface_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "landscape/metrics/basin_shape.h"
#include "landscape/metrics/grid_losses.h"
#include "landscape/metrics/quadric.h"

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
constexpr double kContour = 0.1;  // above the centre: the lowest contour of the paper's figures
constexpr int kRays = 64;
constexpr std::size_t kLeastForFit = 9;

void add_losses(const GridLosses2d& grid, std::vector<Metric>& metrics) {
  std::size_t least = 0, most = 0;
  bool first = true;
  for (std::size_t i = 0; i < grid.loss.size(); ++i) {
    if (!std::isfinite(grid.loss[i])) continue;
    if (first || grid.loss[i] < grid.loss[least]) least = i;
    if (first || grid.loss[i] > grid.loss[most]) most = i;
    first = false;
  }
  metrics.push_back({"loss_center", grid.center(), grid.center_error(), "", "images"});
  metrics.push_back({"loss_min", grid.loss[least], grid.error[least], "", "images"});
  metrics.push_back({"loss_max", grid.loss[most], grid.error[most], "", "images"});
}

// The smaller eigenvalue of the surface's Hessian by central differences, on steps that may differ; NaN beside a gap.
double smaller_curvature(const GridLosses2d& g, std::size_t r, std::size_t c) {
  const double left = g.x[c] - g.x[c - 1], right = g.x[c + 1] - g.x[c];
  const double down = g.y[r] - g.y[r - 1], up = g.y[r + 1] - g.y[r];
  const auto second = [](double below, double middle, double above, double h, double k) {
    return 2 * (h * (above - middle) - k * (middle - below)) / (h * k * (h + k));
  };
  const double xx = second(g.at(r, c - 1), g.at(r, c), g.at(r, c + 1), left, right);
  const double yy = second(g.at(r - 1, c), g.at(r, c), g.at(r + 1, c), down, up);
  const double xy = (g.at(r + 1, c + 1) - g.at(r + 1, c - 1) - g.at(r - 1, c + 1) + g.at(r - 1, c - 1)) /
                    ((left + right) * (down + up));
  return (xx + yy) / 2 - std::hypot((xx - yy) / 2, xy);
}

// %; NaN where no point has all its neighbours.
double non_convex_share(const GridLosses2d& grid) {
  double negative = 0, all = 0;
  for (std::size_t r = 1; r + 1 < grid.rows(); ++r)
    for (std::size_t c = 1; c + 1 < grid.columns(); ++c) {
      const double curvature = smaller_curvature(grid, r, c);
      if (std::isnan(curvature)) continue;
      all += 1;
      negative += curvature < 0 ? 1 : 0;
    }
  return all > 0 ? 100 * negative / all : kNaN;
}

Metric local_minima(const GridLosses2d& grid) {
  const bool line = grid.rows() == 1;
  double count = 0, doubtful = 0;
  for (std::size_t r = line ? 0 : 1; r + (line ? 0 : 1) < grid.rows(); ++r)
    for (std::size_t c = 1; c + 1 < grid.columns(); ++c) {
      double lowest = kInfinity;
      bool whole = true;
      for (std::size_t row = line ? r : r - 1; row <= (line ? r : r + 1); ++row)
        for (std::size_t column = c - 1; column <= c + 1; ++column) {
          if (row == r && column == c) continue;
          whole = whole && std::isfinite(grid.at(row, column));
          lowest = std::min(lowest, grid.at(row, column));
        }
      if (!whole || !(grid.at(r, c) < lowest)) continue;
      count += 1;
      doubtful += lowest - grid.at(r, c) < grid.error_at(r, c) ? 1 : 0;
    }
  return {"local_minima", count, doubtful, "", "shallower than the loss's standard error"};
}

// Half the change of f between the levels one standard error of the centre's loss apart on both sides.
template <class F>
double level_error(const GridLosses2d& grid, double level, const F& f) {
  const double s = grid.center_error();
  return std::abs(f(level + s) - f(level - s)) / 2;
}

void add_area(const GridLosses2d& grid, double height, const char* name, std::vector<Metric>& metrics) {
  const double level = grid.center() + height;
  const Area area = connected_area(grid, level);
  const double of_level = level_error(grid, level, [&](double l) { return connected_area(grid, l).share; });
  metrics.push_back({name, 100 * area.share, 100 * std::hypot(of_level, area.grid_error), "%", "level and grid"});
}

void add_radii(const GridLosses2d& grid, std::vector<Metric>& metrics) {
  const auto statistic = [&](double level, auto of) {
    const std::vector<double> radii = contour_radii(grid, level, kRays);
    return of(radii);
  };
  const auto mean = [](const std::vector<double>& radii) {
    double sum = 0;
    for (const double radius : radii) sum += radius / static_cast<double>(radii.size());
    return sum;
  };
  const auto least = [](const std::vector<double>& radii) { return *std::min_element(radii.begin(), radii.end()); };
  const auto most = [](const std::vector<double>& radii) { return *std::max_element(radii.begin(), radii.end()); };
  const double level = grid.center() + kContour;
  const auto add = [&](const char* name, auto of) {
    metrics.push_back({name, statistic(level, of), level_error(grid, level, [&](double l) { return statistic(l, of); }),
                       "of the directions", "level"});
  };
  add("contour_radius_0.1", mean);
  add("contour_radius_0.1_min", least);
  add("contour_radius_0.1_max", most);
}

void add_width(const GridLosses2d& grid, std::vector<Metric>& metrics) {
  const auto width = [&](double level) {
    double total = 0;
    for (const int step : {-1, 1}) {
      std::size_t c = grid.center_column;
      for (;;) {
        const std::size_t next = c + static_cast<std::size_t>(step);
        if (next >= grid.columns() || !std::isfinite(grid.at(0, next))) return kInfinity;  // wraps round below 0
        if (grid.at(0, next) >= level) {
          const double share = (level - grid.at(0, c)) / (grid.at(0, next) - grid.at(0, c));
          total += std::abs(grid.x[c] + share * (grid.x[next] - grid.x[c]) - grid.x[grid.center_column]);
          break;
        }
        c = next;
      }
    }
    return total;
  };
  const double level = grid.center() + kContour;
  metrics.push_back({"width_0.1", width(level), level_error(grid, level, width), "of the direction", "level"});
}

}  // namespace

std::vector<Metric> surface_metrics(const Surface& surface, const SurfaceValues& values) {
  const std::optional<GridLosses2d> grid = grid_losses(surface, values);
  std::vector<Metric> metrics;
  if (!grid) return metrics;
  add_losses(*grid, metrics);
  if (grid->columns() < 3 || (surface.y && grid->rows() < 3)) return metrics;
  const Quadric quadric = fit_quadric(*grid, grid->center() + 1, kLeastForFit);
  metrics.push_back(local_minima(*grid));
  if (!surface.y) {
    add_width(*grid, metrics);
    metrics.push_back({"curvature", quadric.curvature_max.value, quadric.curvature_max.error, "", "fit"});
  } else {
    const double share = non_convex_share(*grid);
    metrics.push_back(
        {"non_convex_share", share, std::abs(share - non_convex_share(grid->coarse())), "%", "grid step"});
    add_area(*grid, kContour, "basin_area_0.1", metrics);
    add_area(*grid, 1, "basin_area_1", metrics);
    add_radii(*grid, metrics);
    metrics.push_back({"curvature_max", quadric.curvature_max.value, quadric.curvature_max.error, "", "fit"});
    metrics.push_back({"curvature_min", quadric.curvature_min.value, quadric.curvature_min.error, "", "fit"});
  }
  metrics.push_back({"quadric_residual", quadric.relative_residual, kNaN, "", "none"});
  return metrics;
}

}  // namespace basin
