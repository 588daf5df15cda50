#include "landscape/hessian/map_run.h"

#include <limits>

namespace basin {
namespace {

// Of a record: value, residual, converged of the largest, then of the smallest eigenvalue; products.
constexpr std::size_t kWidth = 7;

Eigenvalue eigenvalue_of(const double* values) { return {values[0], values[1], values[2] != 0}; }

LogRecord record_of(std::int64_t point, const Extremes& found) {
  const Eigenvalue &l = found.largest.at(0), &s = found.smallest.at(0);
  return {point,
          {l.value, l.residual, l.converged ? 1.0 : 0.0, s.value, s.residual, s.converged ? 1.0 : 0.0,
           static_cast<double>(found.products)}};
}

Extremes not_finite() {
  const Eigenvalue nothing{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(), false};
  return {{nothing}, {nothing}, {}, {}, 0};
}

Extremes extremes_at(LossFunction& loss, const State& state, const MapOptions& options) {
  loss.move_to(state);
  const Tensor center = loss.center();
  try {
    return extremes([&](const Tensor& v) { return loss.hessian_product(center, v); }, type_of(center),
                    {.tolerance = options.tolerance, .products = options.products, .seed = options.seed});
  } catch (const NotFinite&) {
    return not_finite();
  }
}

}  // namespace

HessianMapRun::HessianMapRun(const Grid& grid, const std::filesystem::path& log, const std::string& configuration)
    : grid_(grid),
      log_(log, configuration, grid.size(), kWidth),
      map_(grid.x.values(), grid.two_dimensional ? std::optional(grid.y.values()) : std::nullopt) {
  map_.attributes["configuration"] = configuration;
  for (const LogRecord& record : log_.recovered()) take(record);
}

void HessianMapRun::take(const LogRecord& record) {
  const double* values = record.values.data();
  map_.set(static_cast<std::size_t>(record.index), eigenvalue_of(values), eigenvalue_of(values + 3),
           static_cast<std::int64_t>(values[6]));
  ++done_;
}

void HessianMapRun::run(const Plane& plane, LossFunction& loss, const MapOptions& options,
                        const std::function<void(std::int64_t, std::size_t)>& progress,
                        const std::function<bool()>& stop) {
  check_plane(plane);
  for (std::int64_t i = 0; i < grid_.size() && !stop(); ++i) {
    if (map_.valid[static_cast<std::size_t>(i)] != 0) continue;
    const LogRecord record = record_of(i, extremes_at(loss, displaced(plane, grid_.point(i)), options));
    log_.append(record);
    take(record);
    progress(done_, static_cast<std::size_t>(i));
  }
  log_.sync();
}

}  // namespace basin
