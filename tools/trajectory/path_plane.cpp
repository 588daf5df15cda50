#include "tools/trajectory/path_plane.h"

#include <cmath>

#include "core/backend.h"
#include "landscape/trajectory/gram.h"
#include "tools/landscape_flags.h"

namespace basin {
namespace {

// Each point's place from inner products with the directions, which are measured as they are: rounded to float32.
std::vector<Projection> projections(const PathSpace& space, const SavedRuns& runs, const DirectionPair& directions,
                                    const std::function<void()>& loaded) {
  const std::vector<float> x = space.flat(directions.x), y = space.flat(*directions.y);
  const PlaneProducts plane{inner_product(x, x), inner_product(x, y), inner_product(y, y)};
  std::vector<Projection> result;
  for (const SavedPoint& point : runs.points) {
    const std::vector<float> d = space.difference(point.path);
    result.push_back(project(inner_product(d, d), inner_product(d, x), inner_product(d, y), plane));
    loaded();
  }
  return result;
}

}  // namespace

std::vector<float> PathSpace::flat(const Direction& direction) const {
  std::vector<float> values;
  const auto& entries = center.state.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    if (entry.role == Role::batches_tracked) continue;
    if (direction.tensors[i].defined()) {
      const std::vector<float> part = direction.tensors[i].to_vector<float>();
      values.insert(values.end(), part.begin(), part.end());
    } else {
      values.resize(values.size() + static_cast<std::size_t>(entry.value.size()));
    }
  }
  return values;
}

std::vector<float> PathSpace::difference(const std::filesystem::path& checkpoint) const {
  return flat(difference_direction(center.state, load_companion(checkpoint.string(), center).state, options));
}

std::size_t PathSpace::size() const {
  std::int64_t count = 0;
  for (const Entry& entry : center.state.entries())
    if (entry.role != Role::batches_tracked) count += entry.value.size();
  return static_cast<std::size_t>(count);
}

Direction PathSpace::direction(const std::vector<double>& values) const {
  Direction result{options.kind, {}};
  auto next = values.begin();
  for (const Entry& entry : center.state.entries()) {
    Tensor& tensor = result.tensors.emplace_back();
    if (entry.role == Role::batches_tracked) continue;
    const auto end = next + static_cast<std::ptrdiff_t>(entry.value.size());
    bool moves = false;
    for (auto value = next; value != end; ++value) moves = moves || *value != 0;
    if (moves) tensor = Tensor::from(entry.value.shape(), std::vector<float>(next, end), cpu_backend());
    next = end;
  }
  return result;
}

PathPlane principal_plane(const PathSpace& space, const SavedRuns& runs, Centering centering,
                          const std::function<void()>& loaded) {
  const RowSource row = [&](std::size_t i) {
    loaded();
    return space.difference(runs.points[i].path);
  };
  PathPlane plane;
  plane.components =
      principal_components(gram_matrix(runs.points.size(), space.size(), row), runs.points.size(), 2, centering);
  const std::vector<std::vector<double>>& weights = plane.components->weights;
  check(weights.size() == 2, "the checkpoints lie on a line, or all in one point: they span no plane");
  std::vector<std::vector<double>> axes(2, std::vector<double>(space.size()));
  for (std::size_t e = 0; e < runs.points.size(); ++e) {
    const std::vector<float> d = row(e);
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < d.size(); ++i) axes[k][i] += weights[k][e] * static_cast<double>(d[i]);
  }
  plane.directions = {space.direction(axes[0]), space.direction(axes[1]), {}, {}};
  plane.directions.arrays = {{"explained_variance_ratio_", plane.components->variance_ratio},
                             {"explained_variance_", plane.components->explained_variance},
                             {"singular_values_", plane.components->singular_values}};
  plane.projections = projections(space, runs, plane.directions, loaded);
  return plane;
}

PathPlane given_plane(const PathSpace& space, const SavedRuns& runs, DirectionPair directions,
                      const std::function<void()>& loaded) {
  PathPlane plane{std::move(directions), {}, std::nullopt};
  plane.projections = projections(space, runs, plane.directions, loaded);
  return plane;
}

}  // namespace basin
