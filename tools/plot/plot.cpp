#include "tools/plot/plot.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/nearest.h"
#include "landscape/export/result_file.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/plotting/chart.h"
#include "tools/plotting/figure.h"

namespace basin {
namespace {

const std::vector<std::pair<std::string, FieldKind>>& field_kinds() {
  static const std::vector<std::pair<std::string, FieldKind>> kinds = {{"contour", FieldKind::contour},
                                                                       {"filled", FieldKind::filled},
                                                                       {"heatmap", FieldKind::heatmap},
                                                                       {"surface", FieldKind::surface}};
  return kinds;
}

std::filesystem::path output_path(const PlotOptions& options) {
  if (!options.out.empty()) return options.out;
  return std::filesystem::path(options.files[0]).replace_extension(".png");
}

// What the first file is, by its kind where that is asked for, else by its own words.
Picture draw(const PlotOptions& options, PictureFormat format) {
  if (options.kind == "norms" || options.kind == "training") return draw_runs(options, format);
  if (options.kind == "histogram") return draw_histograms(options, format);
  if (options.kind == "overlay") return draw_overlay(options, format);
  if (options.kind == "eigenvalues") return draw_hessian_maps(options, format);
  const std::string& first = options.files[0];
  check(!std::filesystem::is_directory(first), "'", first, "' is a folder: --kind norms or training draws a run");
  switch (result_kind(first)) {
    case ResultKind::hessian_map:
      return draw_hessian_maps(options, format);
    case ResultKind::hessian:
      return draw_densities(options, format);
    case ResultKind::trajectory:
      return draw_trajectories(options, format);
    case ResultKind::directions:
      fail("'", first, "' holds directions, which have no picture; basin surface --direction-file takes them");
    case ResultKind::surface:
      break;
  }
  return draw_surfaces(options, format);
}

void report(const PlotOptions& options, const std::filesystem::path& out, const Picture& picture) {
  if (options.json) {
    nlohmann::ordered_json json{{"out", out.string()},      {"kind", picture.kind},     {"min", picture.range.min},
                                {"max", picture.range.max}, {"points", picture.points}, {"missing", picture.missing}};
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
  const Picture picture = draw(options, format);
  if (options.keep_script) {
    std::filesystem::path script = out;
    script.replace_extension(".gnuplot");
    write_file(script, picture.script.text(out.string()));
    if (!options.quiet)
      fmt::print(stderr, "script and data: {} (redraw with: gnuplot {})\n", script.string(), script.string());
  }
  write_file(out, run_gnuplot(picture.script.text()));
  report(options, out, picture);
}

}  // namespace

Size size_of(const PlotOptions& options) { return options.size.empty() ? Size{} : parse_size(options.size, "--size"); }

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

Scale scale_of(const PlotOptions& options) { return make_scale(options.logarithmic, options.clip); }

namespace {

// ".surface" of a.surface and b.surface; "" where they differ, of one name, and of numbers such as a0.5 and b0.5.
std::string common_ending(const std::vector<std::string>& names) {
  const auto ending_of = [](const std::string& name) { return std::filesystem::path(name).extension().string(); };
  const std::string ending = ending_of(names[0]);
  const bool common = names.size() > 1 && ending.size() > 1 &&
                      std::isalpha(static_cast<unsigned char>(ending[1])) != 0 &&
                      std::all_of(names.begin(), names.end(), [&](const auto& n) { return ending_of(n) == ending; });
  return common ? ending : "";
}

}  // namespace

std::vector<std::string> distinct_names(const std::vector<std::string>& names, const std::vector<std::string>& files) {
  const std::set<std::string> different(names.begin(), names.end());
  if (different.size() == names.size() && !different.contains("")) return names;
  std::vector<std::string> stems;
  for (const std::string& file : files) stems.push_back(std::filesystem::path(file).stem());
  const std::string ending = common_ending(stems);
  for (std::string& stem : stems) stem.resize(stem.size() - ending.size());
  return stems;
}

Picture picture_of(const std::vector<Chart>& charts, const PlotOptions& options, PictureFormat format,
                   const std::string& kind) {
  const ChartsOptions drawn{
      .title = options.title, .size = size_of(options), .columns = static_cast<std::size_t>(options.columns)};
  std::vector<double> values;
  for (const Chart& chart : charts)
    for (const ChartSeries& series : chart.series)
      if (series.style != SeriesStyle::points) values.insert(values.end(), series.y.begin(), series.y.end());
  return {draw_charts(charts, drawn, format), extent(values), static_cast<std::int64_t>(values.size()), gaps(values),
          kind};
}

std::pair<std::string, std::string> component_labels(const std::vector<double>& variance_ratio) {
  if (variance_ratio.size() < 2) return {"α", "β"};
  return {fmt::format("1st component: {:.1f} %", 100 * variance_ratio[0]),
          fmt::format("2nd component: {:.1f} %", 100 * variance_ratio[1])};
}

void add_plot_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "plot", "Draw what the other commands compute; several files stand side by side on common axes and colours");
  auto options = std::make_shared<PlotOptions>();
  command
      ->add_option("files", options->files,
                   "Results of Basin (HDF5): surfaces, lines, Hessians and their maps, paths; run folders or "
                   "checkpoints for some kinds")
      ->required()
      ->type_name("FILE");
  command->add_option("--kind", options->kind,
                      "contour (default), filled, heatmap, surface, a list of them such as contour,surface (one row "
                      "each), or line; overlay, lines in one chart; "
                      "eigenvalues (of the reference tool's files); of run folders norms or training; of checkpoints "
                      "histogram");
  command->add_option("--out", options->out,
                      "The picture: .png, .svg or .pdf (default: the first file's name with .png)");
  command->add_option(
      "--value", options->value,
      "train_loss (default), train_accuracy, test_loss, test_accuracy, or one of them with _error; of a map of "
      "eigenvalues ratio (|min / max|, default), max or min");
  command->add_option("--trajectory", options->trajectory, "Draw this path of training over the planes");
  command->add_option("--columns", options->columns, "How many pictures stand side by side (default: all)")
      ->check(positive());
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
