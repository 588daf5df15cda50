// basin plot: pictures of surfaces and lines.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/nearest.h"
#include "landscape/surface_file.h"
#include "tools/command.h"
#include "tools/plotting/figure.h"
#include "tools/plotting/lines.h"

namespace basin {
namespace {

constexpr double kPaperClip = 10;  // figure 1 of the paper
constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

struct PlotOptions {
  std::vector<std::string> files;
  std::string kind, out, value, levels, title, size;
  std::optional<double> clip, min, max;
  bool logarithmic = false, keep_script = false, json = false, quiet = false;
};

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
  const std::optional<SurfaceValues>& set = name.starts_with("train") ? surface.train : surface.test;
  if (!set) return {};
  const std::string kind = name.substr(name.find('_') + 1);
  std::vector<double> values = kind == "loss"         ? set->loss
                               : kind == "accuracy"   ? set->accuracy
                               : kind == "loss_error" ? set->loss_error
                                                      : set->accuracy_error;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!set->valid[i]) values[i] = kGap;
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
  std::vector<std::string> models, stems;
  for (const Source& source : sources) {
    const auto model = source.surface.attributes.find("model");
    models.push_back(model == source.surface.attributes.end() ? "" : model->second);
    stems.push_back(std::filesystem::path(source.path).stem());
  }
  const std::set<std::string> different(models.begin(), models.end());
  return different.size() == models.size() && !different.contains("") ? models : stems;
}

// ---- options

const std::vector<std::pair<std::string, FieldKind>>& field_kinds() {
  static const std::vector<std::pair<std::string, FieldKind>> kinds = {{"contour", FieldKind::contour},
                                                                       {"filled", FieldKind::filled},
                                                                       {"heatmap", FieldKind::heatmap},
                                                                       {"surface", FieldKind::surface}};
  return kinds;
}

// The kinds of a list such as "contour,surface", one row of pictures each.
std::vector<FieldKind> parse_kinds(const std::string& text) {
  std::vector<FieldKind> rows;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    const auto found =
        std::find_if(field_kinds().begin(), field_kinds().end(), [&](const auto& k) { return k.first == name; });
    if (found == field_kinds().end()) {
      const std::string near = nearest(name, {"contour", "filled", "heatmap", "surface", "line"});
      check(name != "line", "--kind line stands alone: a line's picture has no rows");
      fail("--kind: unknown '", name, "'; expected contour, filled, heatmap, surface or line",
           near.empty() ? "" : "; did you mean " + near + "?");
    }
    rows.push_back(found->second);
    begin = end + 1;
  }
  return rows;
}

Scale scale_of(const PlotOptions& options) {
  Scale scale;
  scale.logarithmic = options.logarithmic;
  if (options.logarithmic) scale.clip = kPaperClip;
  if (options.clip) scale.clip = *options.clip;
  check(!std::isnan(scale.clip), "--clip: expected a number, found nan");
  return scale;
}

std::vector<Source> read_sources(const PlotOptions& options) {
  std::vector<Source> sources;
  for (const std::string& path : options.files) sources.push_back({path, read_surface(path)});
  for (const Source& source : sources)
    check(source.surface.y.has_value() == sources[0].surface.y.has_value(), "'", sources[0].path, "' is a ",
          sources[0].surface.y ? "plane" : "line", " and '", source.path, "' is a ",
          source.surface.y ? "plane" : "line", ": one picture shows either");
  return sources;
}

// ---- drawing

struct Picture {
  Script script;
  Extent range{};
  std::int64_t points = 0, missing = 0;
};

Size size_of(const PlotOptions& options) { return options.size.empty() ? Size{} : parse_size(options.size, "--size"); }

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
                             .size = size_of(options)};
  return {draw_figure(fields, figure, format), extent(fields), points, missing};
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
  return {draw_lines(curves, lines, format), found, points, missing};
}

std::filesystem::path output_path(const PlotOptions& options) {
  if (!options.out.empty()) return options.out;
  return std::filesystem::path(options.files[0]).replace_extension(".png");
}

void report(const PlotOptions& options, const std::string& kind, const std::filesystem::path& out,
            const Picture& picture) {
  if (options.json) {
    nlohmann::ordered_json json{{"out", out.string()},      {"kind", kind},
                                {"min", picture.range.min}, {"max", picture.range.max},
                                {"points", picture.points}, {"missing", picture.missing}};
    std::cout << json.dump() << '\n';
    return;
  }
  if (picture.missing > 0 && !options.quiet)
    fmt::print(stderr, "note: {} of {} points are gaps in the picture: not computed, NaN or infinite\n",
               picture.missing, picture.points);
  if (!options.quiet)
    fmt::print(stderr, "values from {} to {}\n", number_text(picture.range.min), number_text(picture.range.max));
  fmt::print("picture: {}\n", out.string());
}

void plot(const PlotOptions& options) {
  const std::filesystem::path out = output_path(options);
  const PictureFormat format = picture_format(out);
  const std::vector<Source> sources = read_sources(options);
  const bool line = options.kind == "line" || (options.kind.empty() && !sources[0].surface.y);
  const Picture picture = line ? draw_line(sources, options, format) : draw_plane(sources, options, format);
  if (options.keep_script) {
    std::filesystem::path script = out;
    script.replace_extension(".gnuplot");
    write_file(script, picture.script.text(out.string()));
    if (!options.quiet)
      fmt::print(stderr, "script and data: {} (redraw with: gnuplot {})\n", script.string(), script.string());
  }
  write_file(out, run_gnuplot(picture.script.text()));
  report(options, line ? "line" : options.kind.empty() ? "contour" : options.kind, out, picture);
}

}  // namespace

void add_plot_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "plot", "Draw surfaces and lines; several files stand side by side on common axes and colours");
  auto options = std::make_shared<PlotOptions>();
  command->add_option("files", options->files, "Surface or line files (HDF5)")->required()->type_name("FILE");
  command->add_option(
      "--kind", options->kind,
      "contour (default), filled, heatmap, surface, a list of them such as contour,surface (one row each), or line");
  command->add_option("--out", options->out,
                      "The picture: .png, .svg or .pdf (default: the first file's name with .png)");
  command->add_option("--value", options->value,
                      "train_loss (default), train_accuracy, test_loss, test_accuracy, or one of them with _error");
  command->add_flag("--log", options->logarithmic,
                    "Heights ln(z + 0.1) of values clipped at 10, as in the paper's figure 1");
  command->add_option("--clip", options->clip, "Draw values above this at this");
  command->add_option("--levels", options->levels, "Contour levels: how many, a list 0.1,0.5,1 or a range 0.1:10:21");
  command->add_option("--min", options->min, "Lower end of colours and levels");
  command->add_option("--max", options->max, "Upper end of colours and levels");
  command->add_option("--title", options->title, "A title over the picture");
  command->add_option("--size", options->size, "WIDTHxHEIGHT in pixels (96 to the inch)");
  command->add_flag("--keep-script", options->keep_script, "Leave the gnuplot script with its data beside the picture");
  command->add_flag("--json", options->json, "One JSON object on stdout");
  command->add_flag("--quiet", options->quiet, "Only the result");
  command->callback([options] { plot(*options); });
}

}  // namespace basin
