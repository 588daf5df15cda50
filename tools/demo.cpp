// basin demo: the main job in small. Two networks that differ in their shortcuts alone, one picture.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/atomic_file.h"
#include "core/interrupt.h"
#include "landscape/surface_file.h"
#include "models/training/trainer.h"
#include "tools/command.h"
#include "tools/landscape_run.h"
#include "tools/number_flags.h"
#include "tools/plotting/figure.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModels[] = {"resnet20", "resnet20-noshort"};
constexpr double kClip = 10;  // losses above it are drawn at it, as in the paper's figures

struct DemoOptions {
  std::string data;
  fs::path out = "demo";
  std::int64_t images = 5000, epochs = 4, points = 21, surface_images = 256;
  std::uint64_t seed = 1;
  bool quick = false;
  int threads = 0;
};

// What became of one of the networks.
struct Part {
  std::string model;
  fs::path checkpoint, surface;
  EpochMetrics trained;
  double center = 0, lowest = 0, highest = 0;  // train loss on the plane
  double near = 0;                             // share of its points within 1 of the centre
};

fs::path run_folder(const DemoOptions& options, const std::string& model) { return options.out / model; }
fs::path picture_path(const DemoOptions& options) { return options.out / "landscape.png"; }

TrainingOptions training_of(const DemoOptions& options, const Dataset& dataset, const std::string& model) {
  TrainingOptions training;
  training.model = model;
  training.epochs = options.epochs;
  training.train_images = std::min(options.images, dataset.train.count);
  training.seed = options.seed;
  training.threads = options.threads;
  training.save_every = 0;
  training.data = options.data.empty() ? fs::path() : fs::absolute(options.data);
  training.out = run_folder(options, model);
  training.version = version_text();
  return training;
}

// The run in its folder goes on if it is this one, and is replaced if its settings differ.
void settle_earlier_run(TrainingOptions& training) {
  if (!fs::exists(training.out / "config.json")) return;
  const TrainingOptions earlier = resume_options(training.out);
  if (recipe_json(earlier) == recipe_json(training) && earlier.data == training.data) {
    training.resume = true;
    return;
  }
  fmt::print(stderr, "{} holds a run with other settings: starting over\n", training.out.string());
  training.overwrite = true;
}

TrainingResult train_network(const DemoOptions& options, const Dataset& dataset, const std::string& model) {
  TrainingOptions training = training_of(options, dataset, model);
  settle_earlier_run(training);
  std::optional<Progress> progress;
  const std::int64_t total = training.train_images * training.epochs;
  const TrainingObserver observer{
      .start = [&](const auto&, const auto&,
                   std::int64_t done) { progress.emplace(model, "images", total, done == total, done); },
      .step =
          [&](const StepReport& report) { progress->update(report.images, fmt::format("loss {:.3f}", report.loss)); },
      .stop = interrupted};
  TrainingResult result = train(training, dataset, observer);
  progress->finish();
  return result;
}

RunFlags surface_flags(const DemoOptions& options, const Part& part) {
  RunFlags flags;
  flags.landscape.checkpoint = part.checkpoint;
  flags.landscape.data = options.data;
  flags.landscape.images = options.surface_images;
  flags.landscape.threads = options.threads;
  flags.x = flags.y = fmt::format("-1:1:{}", options.points);
  flags.seed = options.seed;  // equal seeds: tensors of equal name move along equal raw directions
  flags.out = part.surface;
  return flags;
}

void measure(Part& part) {
  const Surface surface = read_surface(part.surface);
  const std::vector<double>& losses = surface.train->loss;
  part.center = losses[losses.size() / 2];
  part.lowest = part.highest = part.center;
  std::int64_t near = 0;
  for (const double loss : losses) {
    if (!std::isfinite(loss)) continue;
    part.lowest = std::min(part.lowest, loss);
    part.highest = std::max(part.highest, loss);
    near += loss < part.center + 1 ? 1 : 0;
  }
  part.near = static_cast<double>(near) / static_cast<double>(losses.size());
}

// Whether the surface file was made from this checkpoint with these settings is what run_landscape finds out; one that
// was not is a left-over of an earlier demo and is replaced.
void compute_surface(const DemoOptions& options, const Part& part) {
  RunFlags flags = surface_flags(options, part);
  try {
    run_landscape(flags);
  } catch (const Error& error) {
    if (std::string(error.what()).find("another configuration") == std::string::npos) throw;
    fmt::print(stderr, "{} holds a surface with other settings: starting over\n", part.surface.string());
    flags.force = true;
    run_landscape(flags);
  }
}

void draw(const DemoOptions& options, const std::vector<Part>& parts) {
  std::vector<Field> fields;
  for (const Part& part : parts) {
    const Surface surface = read_surface(part.surface);
    fields.push_back(
        {fmt::format("{}: {}", part.model, part.model == kModels[0] ? "with shortcuts" : "without shortcuts"),
         surface.x, *surface.y, surface.train->loss});
  }
  FigureOptions figure{.rows = {FieldKind::contour, FieldKind::surface}};
  figure.scale.clip = kClip;
  figure.title = "Loss around two trained networks";
  const Script script = draw_figure(fields, figure, PictureFormat::png);
  write_file(picture_path(options), run_gnuplot(script.text()));
}

void print_table(const std::vector<Part>& parts) {
  fmt::print("\n{:<18}{:>12}{:>12}{:>12}{:>14}{:>22}\n", "", "test error", "loss at 0,0", "lowest", "highest",
             "area within +1 loss");
  for (const Part& part : parts)
    fmt::print("{:<18}{:>10.1f} %{:>12.3f}{:>12.3f}{:>14.4g}{:>20.0f} %\n", part.model, part.trained.test_error,
               part.center, part.lowest, part.highest, 100 * part.near);
}

void print_meaning(const std::vector<Part>& parts) {
  const double with = parts[0].near, without = parts[1].near;
  fmt::print(R"(
What you see. Each picture is a plane through the space of all weights of one network. Its centre is the
trained network; along α and β every filter is changed by a random direction as long as the filter itself
(filter normalisation), so that the two planes can be compared. Height and lines are the loss on training images.
A wide, round basin (flat) means that small changes of the weights do little harm: such networks are easy to train
and tend to generalise. A narrow basin with steep or broken walls (sharp) is the opposite.
The two networks are alike but for the shortcuts around every two layers (Li et al. 2018, figure 5).
)");
  fmt::print(
      "Here the loss stays within 1 of the centre's on {:.0f} % of the plane with shortcuts and {:.0f} % without{}.\n",
      100 * with, 100 * without,
      with > without ? ": the basin with shortcuts is the wider one" : ": these short runs do not show a wider basin");
  fmt::print("At 20 layers the difference is small; it grows with depth and needs full training to be judged.\n");
}

void print_next(const DemoOptions& options, const std::vector<Part>& parts, double seconds) {
  const std::string files = fmt::format("{} {}", parts[0].surface.string(), parts[1].surface.string());
  fmt::print(R"(
Next:
  basin plot {} --kind filled --clip {:g} --out {}
  basin data fetch cifar10 --out data/cifar10
  basin train --model resnet56 --data data/cifar10 --epochs 10 --out runs/resnet56
  basin surface runs/resnet56/checkpoints/last.safetensors --data data/cifar10 --x=-1:1:51 --y=-1:1:51 --out resnet56.h5

surfaces: {}, {}
picture:  {}   (took {})
)",
             files, kClip, (options.out / "filled.png").string(), parts[0].surface.string(), parts[1].surface.string(),
             picture_path(options).string(), duration_text(seconds));
}

void run_demo(DemoOptions options) {
  check(!gnuplot_version().empty(), kGnuplotMissing);  // before minutes of work
  const auto start = std::chrono::steady_clock::now();
  const Dataset dataset = load_dataset(options.data);
  options.surface_images = std::min(options.surface_images, dataset.train.count);
  std::vector<Part> parts;
  try {
    for (const char* model : kModels) {
      fmt::print(stderr, "\n== Training {}: {} epochs of {} images ({})\n", model, options.epochs,
                 std::min(options.images, dataset.train.count), dataset.name);
      const TrainingResult result = train_network(options, dataset, model);
      parts.push_back({model, result.last, options.out / (std::string(model) + ".h5"), result.history.back()});
    }
    for (Part& part : parts) {
      fmt::print(stderr, "\n== Surface of {}: {} x {} points, {} images\n", part.model, options.points, options.points,
                 options.surface_images);
      compute_surface(options, part);
      measure(part);
    }
  } catch (const Interrupted&) {
    fmt::print(stderr, "\ninterrupted; what is done is kept in {}; to go on: {}\n", options.out.string(),
               command_line());
    throw;
  }
  draw(options, parts);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  print_table(parts);
  print_meaning(parts);
  print_next(options, parts, seconds);
}

}  // namespace

void add_demo_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "demo", "Train two small networks, compute their surfaces and draw them side by side (about three minutes)");
  auto options = std::make_shared<DemoOptions>();
  command->add_option("--data", options->data, "A data set instead of the synthetic one");
  command->add_option("--out", options->out, "Folder for runs, surfaces and picture")->capture_default_str();
  command->add_option("--images", options->images, "Training images")->check(positive())->capture_default_str();
  command->add_option("--epochs", options->epochs, "Epochs of training")->check(positive())->capture_default_str();
  command->add_option("--points", options->points, "Points along each axis")
      ->check(CLI::Range(2, 1001))
      ->capture_default_str();
  command->add_option("--surface-images", options->surface_images, "Images at each point")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Seed of training and directions")->capture_default_str();
  command->add_option("--threads", options->threads, "Threads (0: one per processor)")->check(non_negative());
  command->add_flag("--quick", options->quick, "A quarter of the images, 11 x 11 points: half a minute, rougher");
  command->callback([options] {
    DemoOptions chosen = *options;
    if (chosen.quick) {
      chosen.images = std::min<std::int64_t>(chosen.images, 1250);
      chosen.points = std::min<std::int64_t>(chosen.points, 11);
      chosen.surface_images = std::min<std::int64_t>(chosen.surface_images, 64);
    }
    run_demo(chosen);
  });
}

}  // namespace basin
