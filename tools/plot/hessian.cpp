// Maps of the Hessian's extreme eigenvalues, and spectral densities.
#include <algorithm>
#include <cmath>

#include "core/choice.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "tools/plot/plot.h"
#include "tools/plotting/chart.h"

namespace basin {
namespace {

enum class MapValue : std::uint8_t { ratio, max, min };
constexpr Choice<MapValue> kMapValues[] = {{"ratio", MapValue::ratio}, {"max", MapValue::max}, {"min", MapValue::min}};

const char* quantity_of(MapValue value) {
  switch (value) {
    case MapValue::ratio:
      return "|λ min / λ max|";
    case MapValue::max:
      return "λ max";
    case MapValue::min:
      return "λ min";
  }
  return "";
}

double value_of(const HessianMap& map, std::size_t point, MapValue value) {
  if (map.valid[point] == 0) return std::numeric_limits<double>::quiet_NaN();
  return value == MapValue::ratio ? map.ratio(point)
         : value == MapValue::max ? map.largest.value[point]
                                  : map.smallest.value[point];
}

// Where Lanczos did not converge.
Path crosses_of(const HessianMap& map) {
  Path path{"not converged", {}, PathStyle::crosses, 1};
  for (std::size_t i = 0; i < map.size(); ++i)
    if (map.valid[i] != 0 && (map.largest.converged[i] == 0 || map.smallest.converged[i] == 0))
      path.points.push_back({map.x[i % map.x.size()], (*map.y)[i / map.x.size()]});
  return path;
}

std::string attribute(const std::map<std::string, std::string>& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? "" : found->second;
}

// The eigenvalues known by themselves, as points on the lower edge of the chart.
ChartSeries ends_of(const HessianReport& report, int color, double lower_edge) {
  ChartSeries points{.name = "", .x = {}, .y = {}, .low = {}, .high = {}, .style = SeriesStyle::points, .color = color};
  for (const auto* end : {&report.smallest, &report.largest})
    for (const MeasuredEigenvalue& eigenvalue : *end) {
      points.x.push_back(eigenvalue.numerical.value);
      points.y.push_back(lower_edge);
    }
  return points;
}

}  // namespace

Picture draw_hessian_maps(const PlotOptions& options, PictureFormat format) {
  const MapValue value = options.value.empty() ? MapValue::ratio : parse_choice("--value", options.value, kMapValues);
  std::vector<HessianMap> maps;
  std::vector<std::string> models;
  for (const std::string& file : options.files) {
    maps.push_back(read_hessian_map(file));
    check(maps.back().y.has_value(), "'", file, "' is a map along a line: expected one of a plane");
    models.push_back(attribute(maps.back().attributes, "model"));
  }
  const std::vector<std::string> names = distinct_names(models, options.files);
  std::vector<Field> fields;
  std::vector<std::vector<Path>> paths;
  std::int64_t points = 0, missing = 0;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    Field& field = fields.emplace_back(Field{names[i], maps[i].x, *maps[i].y, {}});
    for (std::size_t point = 0; point < maps[i].size(); ++point) field.z.push_back(value_of(maps[i], point, value));
    paths.push_back({crosses_of(maps[i])});
    points += static_cast<std::int64_t>(field.z.size());
    missing += gaps(field.z);
  }
  const bool usual = options.kind.empty() || options.kind == "eigenvalues";
  const FigureOptions figure{.rows = usual ? std::vector<FieldKind>{FieldKind::heatmap} : parse_kinds(options.kind),
                             .scale = scale_of(options),
                             .min = options.min,
                             .max = options.max,
                             .levels = parse_levels(options.levels),
                             .quantity = quantity_of(value),
                             .loss = false,
                             .title = options.title,
                             .size = size_of(options),
                             .columns = static_cast<std::size_t>(options.columns),
                             .paths = paths};
  return {draw_figure(fields, figure, format), extent(fields), points, missing, "eigenvalues"};
}

Picture draw_densities(const PlotOptions& options, PictureFormat format) {
  std::vector<HessianReport> reports;
  std::vector<std::string> models;
  for (const std::string& file : options.files) {
    reports.push_back(read_hessian(file));
    check(reports.back().density.has_value(), "'", file, "' holds no spectral density (basin hessian --density N)");
    models.push_back(attribute(reports.back().attributes, "model"));
  }
  const std::vector<std::string> names = distinct_names(models, options.files);
  Chart chart{.title = "Spectral density of the Hessian",
              .x_label = "eigenvalue",
              .y_label = "density",
              .series = {},
              .logarithmic_y = true};
  double peak = 0;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Density& density = *reports[i].density;
    ChartSeries series{
        .name = names[i], .x = density.at, .y = density.density, .low = {}, .high = {}, .color = static_cast<int>(i)};
    for (std::size_t k = 0; k < density.at.size() && std::isfinite(density.error[k]); ++k) {
      series.low.push_back(density.density[k] - density.error[k]);
      series.high.push_back(density.density[k] + density.error[k]);
    }
    if (series.low.size() < density.at.size()) series.low.clear(), series.high.clear();
    peak = std::max(peak, *std::max_element(density.density.begin(), density.density.end()));
    chart.series.push_back(std::move(series));
  }
  // Below a millionth of the peak there is only the tail of the Gaussians.
  chart.y_max = peak * 2;
  chart.y_min = peak * 1e-6;
  for (std::size_t i = 0; i < reports.size(); ++i)
    chart.series.push_back(ends_of(reports[i], static_cast<int>(i), chart.y_min * 1.5));
  return picture_of({chart}, options, format, "density");
}

}  // namespace basin
