// basin paper: the figures of Li et al. 2018, trained, computed and drawn.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/interrupt.h"
#include "models/training/metrics.h"
#include "models/training/run_folder.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/paper/figures.h"
#include "tools/plotting/gnuplot.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

struct PaperFlags {
  std::string figure, scale = "small", data, device = "auto";
  std::int64_t threads = 0, seed = 1;
  fs::path out = "paper";
  bool dry = false, json = false;
};

double published(const std::string& run) {
  for (const PublishedError& known : published_errors())
    if (known.run == run) return known.error;
  return std::nan("");
}

// A binomial standard error, in %.
double standard_error(double error, std::int64_t images) {
  return std::sqrt(error * (100 - error) / static_cast<double>(images));
}

// The test errors of the runs of a figure: a line each, and in `json`.
std::string errors_of(const Figure& figure, const PaperContext& context, nlohmann::ordered_json& json) {
  const std::int64_t images = context.scale.test_images > 0 ? context.scale.test_images : 10'000;
  std::string text;
  for (const fs::path& folder : figure.runs) {
    const std::string run = folder.filename().string();
    const std::vector<EpochMetrics> metrics = read_metrics(RunFolder::open(folder).metrics());
    const double error = metrics.back().test_error, spread = standard_error(error, images), known = published(run);
    json.push_back({{"run", run}, {"error", error}, {"standard_error", spread}});
    text += fmt::format("{:<36} test error {:>6.2f} % +- {:.2f}{}\n", run, error, spread,
                        std::isnan(known) ? "" : fmt::format("   published, full scale: {:.2f} %", known));
  }
  return text;
}

void run_paper(const PaperFlags& flags) {
  PaperContext context{parse_scale(flags.scale), flags.data, flags.device, flags.threads, flags.seed,
                       flags.out / flags.scale};
  const Figure made = figure(flags.figure, context);
  if (!context.scale.shrinks.empty()) fmt::print(stderr, "scale {}: {}\n", context.scale.name, context.scale.shrinks);
  if (flags.data.empty())
    fmt::print(stderr, "note: the synthetic images, not CIFAR-10; --data names a folder with it\n");
  if (flags.dry) return made.recipe.run(/*dry=*/true);
  check(made.pictures.empty() || !gnuplot_version().empty(), kGnuplotMissing);  // before minutes of work
  fs::create_directories(context.out / "runs");
  try {
    made.recipe.run();
  } catch (const Interrupted&) {
    fmt::print(stderr, "\ninterrupted; what is done is kept in {}; to go on: {}\n", context.out.string(),
               command_line());
    throw;
  }
  nlohmann::ordered_json json{{"figure", flags.figure},
                              {"scale", context.scale.name},
                              {"shrinks", context.scale.shrinks},
                              {"caption", made.caption},
                              {"test_errors", nlohmann::ordered_json::array()},
                              {"pictures", nlohmann::ordered_json::array()}};
  std::string text = made.caption + "\n" + errors_of(made, context, json["test_errors"]);
  for (const fs::path& picture : made.pictures) {
    json["pictures"].push_back(picture.string());
    text += "picture: " + picture.string() + "\n";
  }
  fmt::print("{}", flags.json ? json.dump() + "\n" : text);
}

}  // namespace

void add_paper_command(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("paper", "A figure of Li et al. 2018, or its table: trains what is missing, computes, draws");
  const auto flags = std::make_shared<PaperFlags>();
  command->add_option("figure", flags->figure, "fig1 to fig9, or table1")->required()->type_name("FIGURE");
  command->add_option("--scale", flags->scale, "small: minutes on a CPU, and says what it shrinks; full: as published")
      ->capture_default_str();
  command->add_option("--data", flags->data, "CIFAR-10 folder (default: the synthetic set)");
  command->add_option("--device", flags->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command->add_option("--threads", flags->threads, "Threads (default: one per processor)")->check(positive());
  command->add_option("--seed", flags->seed, "Of training")->check(non_negative())->capture_default_str();
  command->add_option("--out", flags->out, "Folder of all figures, which share their runs")->capture_default_str();
  command->add_flag("--dry-run", flags->dry, "Print the commands it is made of, and do nothing");
  command->add_flag("--json", flags->json, "Print one JSON object on stdout");
  command->callback([flags] { run_paper(*flags); });
}

}  // namespace basin
