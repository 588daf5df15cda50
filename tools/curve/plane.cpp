// The surface over the plane through three networks.
#include <fmt/format.h>
#include <filesystem>

#include "landscape/curve/three_points.h"
#include "landscape/direction_file.h"
#include "tools/curve/curve.h"
#include "tools/landscape_run.h"
#include "tools/output.h"

namespace basin {
namespace {

Point weighted(const PlaneOfThree& plane, CurveKind kind, std::size_t points, double t) {
  // In the order of the control points: the ends, or the ends with the third network, a bend, between them.
  const std::vector<double> c = curve_coefficients(kind, points, t);
  Point sum;
  for (std::size_t k = 0; k < points; ++k) {
    const Point& network = plane.networks[points == 2 ? k : std::array<std::size_t, 3>{0, 2, 1}[k]];
    sum.alpha += c[k] * network.alpha;
    sum.beta += c[k] * network.beta;
  }
  return sum;
}

}  // namespace

void run_curve_plane(const CurveFlags& flags, const Checkpoint& first, const Curve& curve) {
  const bool bend = flags.through.empty();
  const State third = bend ? curve.points[1] : load_companion(flags.through, first).state;
  PlaneOfThree plane = plane_through(first.state, curve.points.back(), third);
  if (flags.landscape.statistics != "interpolated")  // recomputed, or there are none
    for (Direction* axis : {&plane.u, &plane.v}) {
      *axis = without_statistics(*axis, first.state);
      axis->kind = DirectionKind::weights;
    }
  const auto [x, y] = ranges_around(plane, flags.margin, flags.surface_points);

  PlaneMarkers markers;
  const std::string names[] = {flags.landscape.checkpoint, flags.to, bend ? bend_path(flags, 1) : flags.through};
  for (std::size_t i = 0; i < 3; ++i)
    markers.networks.push_back({std::filesystem::path(names[i]).filename().string(), plane.networks[i]});
  constexpr int kPieces = 100;
  if (curve.kind == CurveKind::linear || bend)
    for (int i = 0; i <= kPieces; ++i)
      markers.path.push_back(weighted(plane, curve.kind, curve.points.size(), i / static_cast<double>(kPieces)));
  DirectionPair directions;
  directions.x = plane.u;
  directions.y = plane.v;
  directions.attributes[kMarkersAttribute] = text_of(markers);
  write_directions(plane_path(flags), first.state, directions);

  RunFlags surface;
  surface.landscape = flags.landscape;
  surface.landscape.json = false;
  surface.x = x.text();
  surface.y = y.text();
  surface.direction_file = plane_path(flags);
  surface.out = surface_path(flags);
  surface.force = flags.force;
  std::optional<OutputToErrors> redirected;
  if (flags.landscape.json) redirected.emplace();
  run_landscape(surface);
}

}  // namespace basin
