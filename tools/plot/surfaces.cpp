// Pictures of surfaces and lines.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/nearest.h"
#include "landscape/curve/three_points.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tools/plot/plot.h"
#include "tools/plotting/figure.h"
#include "tools/plotting/lines.h"

namespace basin {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

struct Source {
  std::string path;
  Surface surface;
};

// ---- what the files hold

std::vector<std::string> value_names(const Surface& surface) {
  std::vector<std::string> names;
  for (const auto& [set, present] : {std::pair{"train", surface.train.has_value()}, {"test", surface.test.has_value()}})
    if (present)
      for (const char* value : {"_loss", "_accuracy", "_loss_error", "_accuracy_error"})
        names.push_back(std::string(set) + value);
  for (const auto& [name, values] : surface.further) names.push_back(name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The reference tool's dataset names are understood too.
std::string full_name(const std::string& name) {
  const std::size_t at = name.find("_acc");
  return at == std::string::npos || name.find("_accuracy") != std::string::npos
             ? name
             : name.substr(0, at) + "_accuracy" + name.substr(at + 4);
}

// A value per point, NaN where it was not computed; empty if the file has no such image set.
std::vector<double> values_of(const Surface& surface, const std::string& name) {
  if (const auto further = surface.further.find(name); further != surface.further.end()) return further->second;
  const std::optional<SurfaceValues>& set = name.starts_with("train") ? surface.train : surface.test;
  if (!set) return {};
  const std::string kind = name.substr(name.find('_') + 1);
  std::vector<double> values = kind == "loss"         ? set->loss
                               : kind == "accuracy"   ? set->accuracy
                               : kind == "loss_error" ? set->loss_error
                                                      : set->accuracy_error;
  const auto filled = surface.further.find(name + "_filled");  // of an adaptive grid
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!set->valid[i]) values[i] = filled == surface.further.end() ? kGap : filled->second[i];
  return values;
}

void check_value(const Source& source, const std::string& name) {
  const std::vector<std::string> names = value_names(source.surface);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  const std::string near = nearest(name, names);
  fail("'", source.path, "' holds no ", name, "; it holds ", names.empty() ? "no computed values" : joined(names),
       near.empty() ? "" : "; did you mean --value " + near + "?");
}

// The network's name where the files tell them apart by it, else the file's.
std::vector<std::string> titles(const std::vector<Source>& sources) {
  std::vector<std::string> models, paths;
  for (const Source& source : sources) {
    const auto model = source.surface.attributes.find("model");
    models.push_back(model == source.surface.attributes.end() ? "" : model->second);
    paths.push_back(source.path);
  }
  return distinct_names(models, paths);
}

// ---- drawing

std::vector<Source> read_sources(const PlotOptions& options) {
  std::vector<Source> sources;
  for (const std::string& path : options.files) sources.push_back({path, read_surface(path)});
  for (const Source& source : sources)
    check(source.surface.y.has_value() == sources[0].surface.y.has_value(), "'", sources[0].path, "' is a ",
          sources[0].surface.y ? "plane" : "line", " and '", source.path, "' is a ",
          source.surface.y ? "plane" : "line", ": one picture shows either");
  return sources;
}

// Networks and a curve that the plane was laid through (basin curve --surface).
std::vector<Path> markers_of(const Source& source) {
  const std::filesystem::path file = std::filesystem::path(source.path).parent_path() / source.surface.direction_file;
  if (source.surface.direction_file.empty() || !std::filesystem::exists(file)) return {};
  const std::optional<PlaneMarkers> markers = read_markers(file);
  if (!markers) return {};
  std::vector<Path> paths;
  if (!markers->path.empty()) {
    Path& curve = paths.emplace_back(Path{"curve", {}, PathStyle::line, 1});
    for (const Point& point : markers->path) curve.points.push_back({point.alpha, point.beta});
  }
  Path& networks = paths.emplace_back(Path{"networks", {}, PathStyle::points, 7});
  for (const PlaneMarkers::Network& network : markers->networks)
    networks.points.push_back({network.at.alpha, network.at.beta, network.name});
  return paths;
}

Picture draw_plane(const std::vector<Source>& sources, const PlotOptions& options, PictureFormat format) {
  const std::string usual = sources[0].surface.train ? "train_loss" : "test_loss";
  const std::string name = options.value.empty() ? usual : full_name(options.value);
  const std::vector<std::string> names = titles(sources);
  std::vector<Field> fields;
  std::int64_t points = 0, missing = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Surface& surface = sources[i].surface;
    check(surface.y.has_value(), "'", sources[i].path, "' is a line of ", surface.x.size(),
          " points, not a plane: draw it with --kind line");
    check_value(sources[i], name);
    fields.push_back({names[i], surface.x, *surface.y, values_of(surface, name)});
    points += static_cast<std::int64_t>(surface.size());
    missing += gaps(fields.back().z);
  }
  std::vector<std::vector<Path>> paths;
  for (const Source& source : sources) paths.push_back(markers_of(source));
  std::pair<std::string, std::string> labels{"α", "β"};
  if (!options.trajectory.empty()) {
    const Trajectory trajectory = read_trajectory(options.trajectory);
    labels = component_labels(trajectory.variance_ratio);
    for (std::vector<Path>& over : paths)
      for (Path& path : paths_of(trajectory)) over.push_back(path);
  }
  std::string quantity = name;
  std::replace(quantity.begin(), quantity.end(), '_', ' ');
  const bool loss = name.ends_with("loss");
  const FigureOptions figure{.rows = parse_kinds(options.kind.empty() ? "contour" : options.kind),
                             .scale = scale_of(options),
                             .min = options.min,
                             .max = options.max,
                             .levels = parse_levels(options.levels),
                             .quantity = name.find("accuracy") == std::string::npos ? quantity : quantity + " (%)",
                             .loss = loss,
                             .title = options.title,
                             .size = size_of(options),
                             .columns = static_cast<std::size_t>(options.columns),
                             .x_label = labels.first,
                             .y_label = labels.second,
                             .paths = paths};
  return {draw_figure(fields, figure, format), extent(fields), points, missing,
          options.kind.empty() ? "contour" : options.kind};
}

Picture draw_line(const std::vector<Source>& sources, const PlotOptions& options, PictureFormat format) {
  const std::vector<std::string> names = titles(sources);
  std::vector<Curves> curves;
  std::int64_t points = 0, missing = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Surface& surface = sources[i].surface;
    check(!surface.y, "'", sources[i].path, "' is a plane of ", surface.columns(), " x ", surface.rows(),
          " points, not a line: draw it with --kind contour, filled, heatmap or surface");
    curves.push_back({names[i], surface.x, values_of(surface, "train_loss"), values_of(surface, "test_loss"),
                      values_of(surface, "train_accuracy"), values_of(surface, "test_accuracy")});
    const std::vector<double>& loss = surface.train ? curves.back().train_loss : curves.back().test_loss;
    points += static_cast<std::int64_t>(surface.size());
    missing += gaps(loss);
  }
  const Scale scale = scale_of(options);
  const Extent found = loss_extent(curves);
  const Extent shown{options.min.value_or(std::min(found.min, scale.clip)),
                     options.max.value_or(std::min(found.max, scale.clip))};
  const LinesOptions lines{.scale = scale, .title = options.title, .loss = shown, .size = size_of(options)};
  return {draw_lines(curves, lines, format), found, points, missing, "line"};
}

}  // namespace

Picture draw_surfaces(const PlotOptions& options, PictureFormat format) {
  const std::vector<Source> sources = read_sources(options);
  const bool line = options.kind == "line" || (options.kind.empty() && !sources[0].surface.y);
  check(!line || options.trajectory.empty(), "--trajectory: lies in a plane; these files are lines");
  return line ? draw_line(sources, options, format) : draw_plane(sources, options, format);
}

}  // namespace basin
