#include "tools/convert/convert.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/nearest.h"
#include "landscape/export/npz.h"
#include "landscape/export/result_file.h"
#include "landscape/export/text.h"
#include "landscape/export/vtk.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/plotting/field.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kDrawn{".vts", ".vtp", ".obj"};  // heights are drawn; the others hold the values alone

bool is_drawn(const std::string& extension) {
  return std::find(kDrawn.begin(), kDrawn.end(), extension) != kDrawn.end();
}

struct Converted {
  std::string kind;
  std::int64_t points = 0, gaps = 0;
};

// The same names as `basin plot` has, and those of the files.
const PointColumn& column_of(const PointTable& table, const ConvertOptions& options) {
  std::string name = options.value.empty() ? table.height : options.value;
  if (const std::size_t at = name.find("accuracy"); at != std::string::npos) name.replace(at, 8, "acc");
  if (const PointColumn* found = table.find(name)) return *found;
  std::vector<std::string> names;
  std::string list;
  for (const PointColumn& column : table.columns) {
    names.push_back(column.name);
    list += (list.empty() ? "" : ", ") + column.name;
  }
  const std::string near = nearest(name, names);
  fail("--value: '", options.file, "' holds no ", name, "; it holds ", list,
       near.empty() ? "" : "; did you mean " + near + "?");
}

std::vector<double> heights_of(const PointTable& table, const ConvertOptions& options) {
  if (table.height.empty() && options.value.empty()) return std::vector<double>(table.size(), 0);  // a flat path
  const Scale scale = make_scale(options.logarithmic, options.clip);
  std::vector<double> heights = column_of(table, options).values;
  for (double& height : heights) height = options.height_scale.value_or(1) * scale.height(height);
  return heights;
}

Converted draw(const ConvertOptions& options, const std::string& extension) {
  PointTable table = read_point_table(options.file);
  if (!options.levels.empty()) {
    check(extension != ".vts", "--levels: contours go into .vtp or .obj, not .vts");
    table = contour_table(table, column_of(table, options), make_scale(options.logarithmic, options.clip),
                          parse_levels(options.levels));
  }
  const std::vector<double> heights = heights_of(table, options);
  check(gaps(heights) < static_cast<std::int64_t>(heights.size()), "'", options.file, "': none of the ", heights.size(),
        " points has a finite height");
  const auto write = extension == ".vts" ? write_vts : extension == ".vtp" ? write_vtp : write_obj;
  write(options.out, table, heights);
  return {options.levels.empty() ? "mesh" : "contours", static_cast<std::int64_t>(table.size()), gaps(heights)};
}

Converted tabulate(const ConvertOptions& options, const std::string& extension) {
  const PointTable table = read_point_table(options.file);
  (extension == ".npz" ? write_npz : write_csv)(options.out, table);
  return {extension == ".npz" ? "arrays" : "table", static_cast<std::int64_t>(table.size())};
}

// A file of the reference tool in Basin's own format.
Converted adopt(const ConvertOptions& options) {
  check(!is_basin_format(options.file), "'", options.file, "' is in Basin's format already");
  const ResultKind kind = result_kind(options.file);
  const bool eigenvalues = options.value == "max_eig" || options.value == "min_eig" || options.value == "eig_ratio";
  check(eigenvalues || options.value.empty(), "--value with .h5: expected max_eig, which takes the eigenvalues of '",
        options.file, "' instead of its losses; found '", options.value, "'");
  if (kind == ResultKind::hessian_map || (eigenvalues && has_eigenvalues(options.file))) {
    const HessianMap map = read_hessian_map(options.file);
    write_hessian_map(options.out, map);
    return {"hessian map", static_cast<std::int64_t>(map.size())};
  }
  check(!eigenvalues, "--value: '", options.file, "' holds no eigenvalues");
  check(kind != ResultKind::directions, "'", options.file, "' holds directions: Basin reads them as they are");
  if (kind == ResultKind::trajectory) {
    const Trajectory trajectory = read_trajectory(options.file);
    write_trajectory(options.out, trajectory);
    return {"trajectory", static_cast<std::int64_t>(trajectory.points.size())};
  }
  const Surface surface = read_surface(options.file);
  write_surface(options.out, surface);
  if (has_eigenvalues(options.file) && !options.quiet)
    fmt::print(stderr, "note: the eigenvalues of '{}' are left out; --value max_eig takes them instead\n",
               options.file);
  return {"surface", static_cast<std::int64_t>(surface.size())};
}

// Flags that would have no effect.
void check_flags(const ConvertOptions& options, const std::string& extension) {
  const auto only = [&](bool given, const char* flag, bool fits, const char* where) {
    check(!given || fits, flag, " is for ", where, ", not for '", options.out, "'");
  };
  const bool drawn = is_drawn(extension);
  only(!options.value.empty(), "--value", drawn || extension == ".h5", "the heights of .vts, .vtp and .obj");
  only(options.logarithmic, "--log", drawn, "the heights of .vts, .vtp and .obj");
  only(options.clip.has_value(), "--clip", drawn, "the heights of .vts, .vtp and .obj");
  only(options.height_scale.has_value(), "--height-scale", drawn, "the heights of .vts, .vtp and .obj");
  only(!options.levels.empty(), "--levels", drawn, "the contours of .vtp and .obj");
  for (const auto& [value, flag] :
       {std::pair{options.at, "--at"}, {options.directions, "--directions"}, {options.model, "--model"}})
    only(!value.empty(), flag, extension == ".safetensors", "networks (.safetensors)");
}

Converted convert_file(const ConvertOptions& options) {
  std::error_code ignored;  // of files that do not exist
  for (const std::string& input : {options.file, options.directions})
    check(input.empty() || !fs::equivalent(input, options.out, ignored), "--out '", options.out,
          "' is read by this run");
  const std::string extension = fs::path(options.out).extension();
  check_flags(options, extension);
  if (is_drawn(extension)) return draw(options, extension);
  if (extension == ".npz" || extension == ".csv") return tabulate(options, extension);
  if (extension == ".h5") return adopt(options);
  check(extension == ".safetensors", "--out '", options.out,
        "': expected a name that ends with .vts, .vtp, .obj, .npz, .csv, .h5 or .safetensors");
  save_moved(options);
  return {"network"};
}

void convert(const ConvertOptions& options) {
  const Converted done = convert_file(options);
  if (options.json) {
    fmt::print(
        "{}\n",
        nlohmann::ordered_json{{"out", options.out}, {"kind", done.kind}, {"points", done.points}, {"gaps", done.gaps}}
            .dump());
    return;
  }
  if (done.gaps > 0 && !options.quiet)
    fmt::print(stderr, "note: {} of {} points are gaps: not computed, NaN or infinite\n", done.gaps, done.points);
  fmt::print("{}: {}\n", done.kind, options.out);
}

}  // namespace

void add_convert_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "convert", "Results as files of other programs (ParaView, NumPy, Blender, spreadsheets), and theirs as Basin's");
  auto options = std::make_shared<ConvertOptions>();
  command
      ->add_option("file", options->file,
                   "A surface, line, curve, Hessian map, spectral density or path, of Basin or of the reference tool; "
                   "with --at a network")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--out", options->out,
                   "The new file, replaced if it exists: .vts (VTK structured grid), .vtp (VTK polygons and lines), "
                   ".obj (mesh), .npz (NumPy), .csv, .h5 (the reference tool's files in Basin's format), .safetensors "
                   "(the network at --at)")
      ->required();
  command->add_option("--value", options->value,
                      "What the height of .vts, .vtp and .obj is: train_loss (default), test_loss, train_accuracy, "
                      "max_eig, eig_ratio, ...; the first two hold all values as point data besides");
  command->add_flag("--log", options->logarithmic,
                    "Heights ln(z + 0.1) of values clipped at 10, as in the paper's figure 1");
  command->add_option("--clip", options->clip, "Heights of values above this are those of this");
  command->add_option("--height-scale", options->height_scale, "Multiply heights by this")->check(positive());
  command->add_option("--levels", options->levels,
                      "Contours instead of the surface: how many, a list 0.1,0.5,1 or a range 0.1:10:21");
  command->add_option("--at", options->at, "Move the network to this point of its plane, such as 0.5,-0.2");
  command->add_option("--directions", options->directions, "The plane's directions (HDF5), for --at");
  command->add_option("--model", options->model, "Model of the network, where the file does not say");
  command->add_flag("--json", options->json, "One JSON object on stdout");
  command->add_flag("--quiet", options->quiet, "Only the result");
  command->footer("Example: basin convert s.h5 --out s.vts --log --height-scale 0.2, then paraview s.vts");
  command->callback([options] { convert(*options); });
}

}  // namespace basin
