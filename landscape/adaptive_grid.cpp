#include "landscape/adaptive_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kClip = 10, kOffset = 0.1;

std::vector<std::int64_t> nodes(std::int64_t count, std::int64_t stride) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; i += stride) result.push_back(i);
  if (result.back() != count - 1) result.push_back(count - 1);
  return result;
}

// h^2 / 8 |f''| at the middle node of three: the error of linear interpolation over a cell of width h.
double interpolation_error(double width, double left, double right, double f0, double f1, double f2) {
  const double second = 2 * ((f2 - f1) / right - (f1 - f0) / left) / (left + right);
  return width * width / 8 * std::abs(second);
}

}  // namespace

AdaptiveGrid::AdaptiveGrid(const Grid& grid, double tolerance) : grid_(grid), tolerance_(tolerance) {
  check(tolerance > 0, "adaptive grid: a tolerance of ", tolerance);
  check(grid.two_dimensional && grid.x.count >= 2 && grid.y.count >= 2,
        "adaptive grid: expected a plane of at least 2 x 2 points, found ", grid.x.count, " x ",
        grid.two_dimensional ? grid.y.count : 1);
  for (std::int64_t stride = kCoarsest; stride >= 1; stride /= 2)
    levels_.push_back({nodes(grid.x.count, stride), nodes(grid.y.count, stride)});
}

// NaN heights, of points that are not there, take no part; where none is there the cell counts as bent.
bool AdaptiveGrid::bends(const Level& level, std::size_t cell_x, std::size_t cell_y,
                         const std::vector<double>& heights) const {
  double worst = -1;
  const auto consider = [&](const std::vector<std::int64_t>& axis, std::size_t cell, std::size_t node,
                            const auto& height) {
    if (node == 0 || node + 1 >= axis.size()) return;
    const auto left = static_cast<double>(axis[node] - axis[node - 1]),
               right = static_cast<double>(axis[node + 1] - axis[node]);
    const double error = interpolation_error(static_cast<double>(axis[cell + 1] - axis[cell]), left, right,
                                             height(axis[node - 1]), height(axis[node]), height(axis[node + 1]));
    if (!std::isnan(error)) worst = std::max(worst, error);
  };
  for (const std::size_t dx : {0, 1})
    for (const std::size_t dy : {0, 1}) {
      const std::int64_t column = level.x[cell_x + dx], row = level.y[cell_y + dy];
      if (std::isnan(heights[static_cast<std::size_t>(index(row, column))])) return true;
      consider(level.x, cell_x, cell_x + dx,
               [&](std::int64_t i) { return heights[static_cast<std::size_t>(index(row, i))]; });
      consider(level.y, cell_y, cell_y + dy,
               [&](std::int64_t i) { return heights[static_cast<std::size_t>(index(i, column))]; });
    }
  return worst < 0 || worst > tolerance_;
}

std::vector<std::int64_t> AdaptiveGrid::missing(const std::vector<double>& loss,
                                                const std::vector<std::uint8_t>& valid) const {
  std::vector<double> heights(loss.size(), kNaN);
  for (std::size_t i = 0; i < loss.size(); ++i)
    if (valid[i] != 0 && std::isfinite(loss[i])) heights[i] = std::log(std::min(loss[i], kClip) + kOffset);
  std::set<std::int64_t> wanted;
  const auto want = [&](std::int64_t row, std::int64_t column) {
    if (valid[static_cast<std::size_t>(index(row, column))] == 0) wanted.insert(index(row, column));
  };
  for (const std::int64_t row : levels_[0].y)
    for (const std::int64_t column : levels_[0].x) want(row, column);
  for (std::size_t l = 0; wanted.empty() && l + 1 < levels_.size(); ++l) {
    const Level &level = levels_[l], &finer = levels_[l + 1];
    for (std::size_t j = 0; j + 1 < level.y.size(); ++j)
      for (std::size_t i = 0; i + 1 < level.x.size(); ++i) {
        const auto there = [&](std::size_t a, std::size_t b) {
          return valid[static_cast<std::size_t>(index(level.y[b], level.x[a]))] != 0;
        };
        if (!there(i, j) || !there(i + 1, j) || !there(i, j + 1) || !there(i + 1, j + 1)) continue;
        if (!bends(level, i, j, heights)) continue;
        for (const std::int64_t row : finer.y)
          for (const std::int64_t column : finer.x)
            if (row >= level.y[j] && row <= level.y[j + 1] && column >= level.x[i] && column <= level.x[i + 1])
              want(row, column);
      }
  }
  return {wanted.begin(), wanted.end()};
}

std::vector<double> AdaptiveGrid::filled(const std::vector<double>& loss,
                                         const std::vector<std::uint8_t>& valid) const {
  std::vector<double> result(loss.size(), kNaN);
  const auto height = [&](std::int64_t row, std::int64_t column) {
    const auto i = static_cast<std::size_t>(index(row, column));
    return valid[i] != 0 && std::isfinite(loss[i]) ? std::log(loss[i] + kOffset) : kNaN;
  };
  for (const Level& level : levels_)  // finer ones overwrite
    for (std::size_t j = 0; j + 1 < level.y.size(); ++j)
      for (std::size_t i = 0; i + 1 < level.x.size(); ++i) {
        const std::int64_t left = level.x[i], right = level.x[i + 1], low = level.y[j], high = level.y[j + 1];
        const double corners = height(low, left) + height(low, right) + height(high, left) + height(high, right);
        if (std::isnan(corners)) continue;
        for (std::int64_t row = low; row <= high; ++row)
          for (std::int64_t column = left; column <= right; ++column) {
            const double s = static_cast<double>(column - left) / static_cast<double>(right - left);
            const double t = static_cast<double>(row - low) / static_cast<double>(high - low);
            const double h = (1 - t) * ((1 - s) * height(low, left) + s * height(low, right)) +
                             t * ((1 - s) * height(high, left) + s * height(high, right));
            result[static_cast<std::size_t>(index(row, column))] = std::exp(h) - kOffset;
          }
      }
  for (std::size_t i = 0; i < loss.size(); ++i)
    if (valid[i] != 0) result[i] = loss[i];
  return result;
}

}  // namespace basin
