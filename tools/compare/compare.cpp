#include "tools/compare/compare.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/plotting/gnuplot.h"
#include "tools/recipe/recipe.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string usual_name(const fs::path& given) {
  fs::path path = given;
  if (!path.has_filename()) path = path.parent_path();
  if (path.extension() != ".safetensors") return path.filename().string();
  const fs::path folder = path.parent_path();
  const std::string stem = path.stem().string();
  return folder.filename() == "checkpoints" ? folder.parent_path().filename().string() + "-" + stem : stem;
}

// The steps of a report, and the files that its pictures are made of.
class Plan {
 public:
  Plan(const CompareFlags& flags, const std::vector<Compared>& networks) : flags_(flags), networks_(networks) {
    for (const Compared& network : networks_) {
      add_surface(network);
      add_hessian(network);
      if (flags_.map > 0) add_map(network);
      if (flags_.sharpness) add_sharpness(network);
      if (flags_.trajectory && !network.run.empty()) add_trajectory(network);
    }
    add_pictures();
  }
  const Recipe& recipe() const { return recipe_; }
  const std::vector<std::string>& pictures() const { return pictures_; }

 private:
  std::string file(const Compared& network, const char* end) const { return network.result(flags_.out, end).string(); }
  std::string square(std::int64_t points) const { return flags_.range + ":" + std::to_string(points); }

  // `command` on the network, with the flags that all share.
  void add(const Compared& network, std::vector<std::string> arguments, const std::string& out, std::int64_t images) {
    arguments.insert(arguments.begin() + 1, network.checkpoint.string());
    arguments.insert(arguments.end(), {"--images", std::to_string(images), "--out", out, "--device", flags_.device});
    if (!flags_.data.empty()) arguments.insert(arguments.end(), {"--data", flags_.data});
    if (flags_.threads > 0) arguments.insert(arguments.end(), {"--threads", std::to_string(flags_.threads)});
    recipe_.add(std::move(arguments));
  }
  std::string seed() const { return std::to_string(flags_.seed); }

  void add_surface(const Compared& n) {
    add(n,
        {"surface", "--split", "both", "--x=" + square(flags_.points), "--y=" + square(flags_.points), "--norm",
         flags_.norm, "--seed", seed()},
        file(n, ".surface.h5"), flags_.images);
  }
  void add_hessian(const Compared& n) {
    add(n, {"hessian", "--top", "2", "--bottom", "1", "--trace", "15", "--block", "32", "--seed", seed()},
        file(n, ".hessian.h5"), flags_.hessian_images);
  }
  void add_map(const Compared& n) {
    add(n,
        {"hessian", "--x=" + square(flags_.map), "--y=" + square(flags_.map), "--norm", flags_.norm, "--seed", seed()},
        file(n, ".map.h5"), flags_.map_images);
  }
  void add_sharpness(const Compared& n) {
    add(n, {"sharpness", "--measures", "sam,asam,expected", "--seed", seed()}, file(n, ".sharpness.json"),
        flags_.hessian_images);
  }
  // Its positional arguments are run folders.
  void add_trajectory(const Compared& n) {
    Compared run = n;
    run.checkpoint = n.run;
    add(run, {"trajectory", "--surface", "--points", std::to_string(flags_.points)}, file(n, ".trajectory.h5"),
        flags_.images);
  }

  void picture(const std::string& name, std::vector<std::string> files, std::vector<std::string> flags) {
    if (files.empty()) return;
    files.insert(files.begin(), "plot");
    files.insert(files.end(), flags.begin(), flags.end());
    files.insert(files.end(), {"--out", (flags_.out / name).string()});
    recipe_.add(std::move(files));
    pictures_.push_back(name);
  }
  std::vector<std::string> all(const char* end) const {
    std::vector<std::string> files;
    for (const Compared& network : networks_) files.push_back(file(network, end));
    return files;
  }

  void add_pictures() {
    picture("contours.png", all(".surface.h5"), {"--clip", "10", "--columns", "3"});
    picture("surfaces.png", all(".surface.h5"), {"--kind", "surface", "--log", "--columns", "3"});
    if (flags_.map > 0) picture("maps.png", all(".map.h5"), {"--columns", "3"});
    std::vector<std::string> runs;
    for (const Compared& network : networks_) {
      if (network.run.empty()) continue;
      runs.push_back(network.run.string());
      if (flags_.trajectory)
        picture(network.name + ".trajectory.png", {file(network, ".trajectory.surface.h5")},
                {"--trajectory", file(network, ".trajectory.h5"), "--clip", "10"});
    }
    picture("norms.png", runs, {"--kind", "norms"});
    picture("training.png", runs, {"--kind", "training"});
    std::vector<std::string> checkpoints;
    for (const Compared& network : networks_) checkpoints.push_back(network.checkpoint.string());
    picture("weights.png", checkpoints, {"--kind", "histogram"});
  }

  const CompareFlags& flags_;
  const std::vector<Compared>& networks_;
  Recipe recipe_;
  std::vector<std::string> pictures_;
};

std::string report_text(const CompareFlags& flags, const Table& table, const Plan& plan) {
  std::string text =
      "# Networks side by side\n\nDirections of equal seed move tensors of equal name and shape along equal raw "
      "directions.\n"
      "Errors are named in the last column; `none` where there is no estimate.\n\n" +
      markdown_of(table) + "\n";
  for (const std::string& picture : plan.pictures()) text += "![" + picture + "](" + picture + ")\n\n";
  text += "## How it was made\n\n```\n";
  for (const Step& step : plan.recipe().steps()) text += step.text() + "\n";
  return text + "```\n\nThe whole again: `" + command_line() + "`" +
         (flags.data.empty() ? " (the synthetic images)" : "") + "\n";
}

void run_compare(const CompareFlags& flags) {
  check(flags.networks.size() >= 2, "expected at least 2 networks, found ", flags.networks.size());
  const std::vector<Compared> networks = networks_of(flags);
  const Plan plan(flags, networks);
  if (flags.dry) return plan.recipe().run(/*dry=*/true);
  check(!gnuplot_version().empty(), kGnuplotMissing);  // before minutes of work
  fs::create_directories(flags.out);
  try {
    plan.recipe().run();
  } catch (const Interrupted&) {
    fmt::print(stderr, "\ninterrupted; what is done is kept in {}; to go on: {}\n", flags.out.string(), command_line());
    throw;
  }
  Table table;
  for (const Compared& network : networks) {
    table.names.push_back(network.name);
    table.recipes.push_back(recipe_of(network));
    table.metrics.push_back(gather(network, flags.out));
  }
  write_file(flags.out / "metrics.csv", csv_of(table));
  write_file(flags.out / "metrics.json", json_of(table) + "\n");
  write_file(flags.out / "report.md", report_text(flags, table, plan));
  fmt::print("{}", flags.json ? json_of(table) + "\n" : markdown_of(table));
  if (!flags.json) fmt::print("\nreport: {}\n", (flags.out / "report.md").string());
}

}  // namespace

std::vector<Compared> networks_of(const CompareFlags& flags) {
  const std::vector<std::string> names = split(flags.names);
  check(names.empty() || names.size() == flags.networks.size(), "--names: expected ", flags.networks.size(),
        " names, found ", names.size());
  std::vector<Compared> networks;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < flags.networks.size(); ++i) {
    const fs::path given = flags.networks[i];
    check(fs::exists(given), "'", given.string(), "': expected a run's folder or a checkpoint, found nothing");
    Compared& network = networks.emplace_back();
    network.name = names.empty() ? usual_name(given) : names[i];
    check(!network.name.empty() && network.name.find('/') == std::string::npos, "--names: '", network.name,
          "' is no name of a file");
    check(taken.insert(network.name).second, "two networks are named '", network.name, "'; give --names");
    const bool folder = fs::is_directory(given);
    if (folder) network.run = given;
    network.checkpoint = folder ? given / "checkpoints/last.safetensors" : given;
    check(fs::exists(network.checkpoint), "'", given.string(), "': expected a run's folder, found no ",
          network.checkpoint.string());
  }
  return networks;
}

void add_compare_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "compare",
      "Networks side by side: surfaces on common axes and colours, Hessians, paths, sharpness; a table and a report");
  const auto flags = std::make_shared<CompareFlags>();
  command->add_option("networks", flags->networks, "Run folders or checkpoints")->required()->type_name("NETWORK");
  command->add_option("--names", flags->names, "Their names, comma-separated (default: of the folders)");
  command->add_option("--data", flags->data,
                      "CIFAR-10 or CIFAR-100 folder, or image folder (default: the synthetic set)");
  command->add_option("--device", flags->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--images", flags->images, "Of each split, for surfaces and paths")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--points", flags->points, "Of the surfaces, along each axis")
      ->check(CLI::Range(3, 1001))
      ->capture_default_str();
  command->add_option("--range", flags->range, "Of both axes, first:last; write --range=-1:1")->capture_default_str();
  command->add_option("--norm", flags->norm, "Of the directions: filter, layer, weight, dfilter, dlayer or none")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Of directions and random vectors")
      ->check(non_negative())
      ->capture_default_str();
  command->add_option("--hessian-images", flags->hessian_images, "For eigenvalues, trace and sharpness")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--map", flags->map, "Map the eigenvalues over N x N points (0: no map)")
      ->check(non_negative())
      ->capture_default_str();
  command->add_option("--map-images", flags->map_images, "For the map")->check(positive())->capture_default_str();
  command->add_flag("--trajectory,!--no-trajectory", flags->trajectory,
                    "Paths of run folders in their planes (the default)");
  command->add_flag("--sharpness,!--no-sharpness", flags->sharpness, "Measures of sharpness (the default)");
  command->add_option("--threads", flags->threads, "Threads (default: one per processor)")->check(positive());
  command->add_option("--out", flags->out, "Folder of the report")->required();
  command->add_flag("--dry-run", flags->dry, "Print the commands it is made of, and do nothing");
  command->add_flag("--json", flags->json, "Print the table as JSON on stdout");
  command->callback([flags] { run_compare(*flags); });
}

}  // namespace basin
