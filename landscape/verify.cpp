#include "landscape/verify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/random.h"

namespace basin {
namespace {

std::vector<Point> draw_points(const Grid& grid, std::int64_t count, std::uint64_t seed) {
  const Random random(seed, random_stream("verified points"));
  const auto wanted = static_cast<std::size_t>(std::min(count, grid.size()));
  std::set<std::int64_t> indices;
  for (std::uint64_t i = 0; indices.size() < wanted; ++i)
    indices.insert(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(grid.size()), i)));
  std::vector<Point> points;
  for (const std::int64_t index : indices) points.push_back(grid.point(index));
  return points;
}

std::vector<PointResult> evaluate_all(Evaluator& evaluator, const std::vector<Point>& points) {
  std::vector<PointResult> results(points.size());
  evaluator.evaluate(
      points, [&](std::size_t i, const PointResult& result) { results[i] = result; }, [] { return false; });
  return results;
}

double relative_difference(double value, double truth) {
  if (value == truth || (std::isnan(value) && std::isnan(truth))) return 0;
  const double difference = std::abs(value - truth) / std::abs(truth);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

}  // namespace

Verification verify(Evaluator& evaluator, const Plane& plane, const EvaluationSet& set, const Grid& grid,
                    std::int64_t count, std::uint64_t seed) {
  const std::vector<Point> points = draw_points(grid, count, seed);
  const std::vector<PointResult> values = evaluate_all(evaluator, points);
  const std::vector<PointResult> truths = evaluate_all(*make_evaluator(plane, set, {.engine = "autograd"}), points);
  Verification result{static_cast<std::int64_t>(points.size()), 0, points.empty() ? Point{} : points.front()};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double difference = std::max(relative_difference(values[i].train.loss, truths[i].train.loss),
                                       relative_difference(values[i].test.loss, truths[i].test.loss));
    if (difference > result.largest_difference) result = {result.points, difference, points[i]};
  }
  return result;
}

}  // namespace basin
