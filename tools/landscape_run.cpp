#include "tools/landscape_run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "landscape/adaptive_grid.h"
#include "landscape/classwise_evaluator.h"
#include "landscape/configuration.h"
#include "landscape/metrics/metric_json.h"
#include "landscape/surface_run.h"
#include "landscape/verify.h"
#include "tools/axes.h"
#include "tools/command.h"
#include "tools/number_flags.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

fs::path log_path(const RunFlags& flags) { return flags.out + ".log"; }

Grid make_grid(const RunFlags& flags) {
  Grid grid{parse_range(flags.x, "--x"), {0, 0, 1}, !flags.y.empty()};
  check(grid.two_dimensional || flags.to2.empty(), "--to2 lies on the second axis; give its range with --y");
  if (grid.two_dimensional) grid.y = parse_range(flags.y, "--y");
  return grid;
}

bool is_complete(const Surface& surface) {
  const auto full = [](const std::optional<SurfaceValues>& values) {
    return !values || std::find(values->valid.begin(), values->valid.end(), 0) == values->valid.end();
  };
  return full(surface.train) && full(surface.test);
}

// What stands at --out already: nothing of this configuration, a part, or all of it. Error if it is something else.
enum class Existing { none, part, all };
Existing examine_output(const RunFlags& flags, const std::string& configuration) {
  check(!flags.out.empty(), "--out: expected a file name, found ''");
  for (const std::string& input : {flags.landscape.checkpoint, flags.to, flags.to2, flags.direction_file}) {
    std::error_code ignored;  // of files that do not exist
    check(input.empty() || !fs::equivalent(input, flags.out, ignored), "--out '", flags.out, "' is read by this run");
  }
  if (flags.force) {
    fs::remove(log_path(flags));
    return Existing::none;
  }
  if (!fs::exists(flags.out)) return Existing::none;
  const char* hint = " (--force replaces it, --out names another)";
  std::optional<Surface> found;
  try {
    found = read_surface(flags.out);
  } catch (const Error& error) {
    fail("'", flags.out, "' exists and is no surface: ", error.what(), hint);
  }
  const std::string theirs = found->attributes["configuration"];  // "" in files of other tools
  check(theirs == configuration, "'", flags.out, "' exists and holds a surface of another configuration; ",
        configuration_difference(configuration, theirs), hint);
  return is_complete(*found) ? Existing::all : Existing::part;
}

// Points of the grid that are far from each other.
std::vector<Point> sample(const Grid& grid, std::int64_t count) {
  std::vector<Point> points;
  for (std::int64_t i = 0; i < count; ++i) points.push_back(grid.point((2 * i + 1) * grid.size() / (2 * count)));
  return points;
}

// Seconds that an evaluator needs for each of the points, on all threads together.
double seconds_per_point(Evaluator& evaluator, std::span<const Point> points) {
  const auto start = Clock::now();
  evaluator.evaluate(
      points, [](std::size_t, const PointResult&) {}, interrupted);
  return seconds_since(start) / static_cast<double>(points.size());
}

// Seconds that `points` points will take, from some of the images at a few of them: for about a second, or less where
// the whole is short.
double estimate(const Plane& plane, const EvaluationSet& set, const LandscapeFlags& flags, const Grid& grid,
                std::int64_t points) {
  constexpr double kOnePoint = 0.03, kLeast = 1.0, kShare = 0.03;  // seconds, seconds, of the whole
  const Images& source = set.train != nullptr ? *set.train : *set.test;
  const auto threads = static_cast<std::size_t>(thread_count());
  const std::vector<Point> probes = sample(grid, 4 * thread_count());
  EvaluationSet small = set;
  small.test = nullptr;
  // So many images that the weights, which are formed once a point, weigh little, as they will.
  Images some = source.first(std::min<std::int64_t>(16, source.count));
  std::unique_ptr<Evaluator> evaluator;
  for (;; some = source.first(std::min(4 * some.count, source.count))) {
    small.train = &some;
    evaluator = make_evaluator(plane, small, evaluator_options(flags));
    seconds_per_point(*evaluator, std::span(probes).first(threads));  // compiles the kernels, fills the caches
    const double seconds = seconds_per_point(*evaluator, std::span(probes).first(threads));
    if (seconds >= kOnePoint || some.count == source.count || interrupted()) break;
  }
  const std::int64_t images =
      (set.train != nullptr ? set.train->count : 0) + (set.test != nullptr ? set.test->count : 0);
  const double scale = static_cast<double>(images * points) / static_cast<double>(some.count);
  double sum = 0, spent = 0;
  int turns = 0;
  do {
    sum += seconds_per_point(*evaluator, probes);
    spent = sum * static_cast<double>(probes.size());
    ++turns;
  } while (spent < std::min(kLeast, kShare * scale * sum / turns) && !interrupted());
  return scale * sum / turns;
}

// The same on GPUs: from a few points, whose images are there already.
double estimate_on_gpus(Evaluator& evaluator, const Grid& grid, std::int64_t points) {
  constexpr std::int64_t kProbes = 8;
  if (points <= 2 * kProbes) return static_cast<double>(points) * seconds_per_point(evaluator, sample(grid, 1));
  seconds_per_point(evaluator, sample(grid, kProbes));  // loads the kernels
  return static_cast<double>(points) * seconds_per_point(evaluator, sample(grid, kProbes));
}

// A value of the configuration as a person reads it.
std::string plain(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return value.dump();
  std::string text;
  for (const auto& [name, part] : value.items())
    text += (text.empty() ? "" : ", ") + name + " " + (part.is_object() ? "(" + plain(part) + ")" : plain(part));
  return text;
}

struct Extremes {
  double smallest = std::numeric_limits<double>::infinity(), largest = -smallest;
  std::int64_t not_finite = 0;
  std::optional<double> center;
};
Extremes extremes(const Grid& grid, const SurfaceValues& values) {
  Extremes result;
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (values.valid[index] == 0) continue;
    const double loss = values.loss[index];
    const Point point = grid.point(i);
    if (point.alpha == 0 && point.beta == 0) result.center = loss;
    if (!std::isfinite(loss)) {
      ++result.not_finite;
      continue;
    }
    result.smallest = std::min(result.smallest, loss);
    result.largest = std::max(result.largest, loss);
  }
  return result;
}

void print_extremes(const char* split, const Extremes& e) {
  fmt::print("{} loss: min {:.6g}, max {:.6g}", split, e.smallest, e.largest);
  if (e.center) fmt::print(", centre {:.6g}", *e.center);
  if (e.not_finite > 0) fmt::print(", {} points not finite", e.not_finite);
  fmt::print("\n");
}

Json json_of(const Extremes& e) {
  Json json{{"loss_min", e.smallest}, {"loss_max", e.largest}, {"not_finite_points", e.not_finite}};
  if (e.center) json["loss_center"] = *e.center;
  return json;
}

std::string next_command(const RunFlags& flags, bool two_dimensional) {
  return fmt::format("basin plot {} --kind {} --out {}", flags.out, two_dimensional ? "contour" : "line",
                     fs::path(flags.out).replace_extension(".png").string());
}

// One run of the command from its flags to the report.
class Run {
 public:
  explicit Run(const RunFlags& flags)
      : flags_(flags),
        grid_(make_grid(flags)),
        subject_(flags.landscape),
        axes_(flags, subject_.checkpoint(), grid_.two_dimensional),
        plane_{&subject_.checkpoint().model, &subject_.checkpoint().state, axes_.x(), axes_.y()},
        options_(evaluator_options(flags.landscape)),
        evaluator_(flags.per_class ? make_classwise_evaluator(plane_, subject_.set(), options_)
                                   : make_evaluator(plane_, subject_.set(), options_)) {
    Json json = subject_.configuration();
    json.update({{"x", grid_.x.text()},
                 {"directions", axes_.configuration()},
                 {"engine", evaluator_->engine()},
                 {"precision", evaluator_->precision()}});
    if (grid_.two_dimensional) json["y"] = grid_.y.text();
    if (flags.per_class) json["per_class"] = true;
    if (flags.adaptive) json["adaptive"] = flags.tolerance;
    configuration_ = json.dump();
  }

  void execute() {
    const Existing existing = examine_output(flags_, configuration_);
    // What an adaptive grid leaves out is not missing.
    const bool all = existing == Existing::all || (existing == Existing::part && flags_.adaptive);
    if (all && !fs::exists(log_path(flags_))) {
      surface_ = read_surface(flags_.out);
      say("'{}' holds this surface already\n", flags_.out);
      return report(0);
    }
    const std::int64_t classes = flags_.per_class ? plane_.model->classes : 0;
    SurfaceRun run(grid_, subject_.set(), log_path(flags_), configuration_, {}, static_cast<std::size_t>(classes));
    print_configuration(run);
    if (flags_.verify > 0) print_verification();
    axes_.save(flags_, *plane_.center);
    const auto start = Clock::now();
    evaluate(run);
    notes_ = evaluator_->notes();
    for (const std::string& note : notes_) say("note: {}\n", note);
    finish(run);
    report(seconds_since(start));
  }

 private:
  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) const {
    if (!flags_.landscape.quiet) fmt::print(stderr, format, std::forward<Parts>(parts)...);
  }

  void print_configuration(const SurfaceRun& run) const {
    const Json json = Json::parse(configuration_);
    say("{}\n", command_line());
    for (const auto& [name, value] : json.items()) say("  {:<12} {}\n", name, plain(value));
    if (axes_.y() != nullptr) say("  {:<12} {:.4f} between the directions\n", "cosine", cosine(*axes_.x(), *axes_.y()));
    say("  {:<12} {} ({}{})\n", "points", run.points(), run.done(), run.done() > 0 ? " of them resumed" : " done");
    say("  {:<12} {}\n", "device", device_text(options_));
    const std::int64_t missing = run.points() - run.done();
    const double seconds = options_.devices.empty() ? estimate(plane_, subject_.set(), flags_.landscape, grid_, missing)
                                                    : estimate_on_gpus(*evaluator_, grid_, missing);
    say("  {:<12} about {}\n", "time", duration_text(seconds));
  }

  void print_verification() const {
    const Verification result = verify(*evaluator_, plane_, subject_.set(), grid_, flags_.verify, flags_.seed);
    fmt::print(stderr,
               "verified: {} points against engine autograd, largest relative difference {:.2e} at ({:g}, {:g})\n",
               result.points, result.largest_difference, result.where.alpha, result.where.beta);
  }

  void evaluate(SurfaceRun& run) {
    if (flags_.adaptive) return evaluate_adaptively(run);
    Progress progress("points", "points", run.points(), flags_.landscape.quiet, run.done());
    run.run(*evaluator_, follow(progress, 0), interrupted);
    progress.finish();
    complete_ = run.complete();
  }

  // Level by level; which points a level has depends on the losses of the levels before.
  void evaluate_adaptively(SurfaceRun& run) {
    const AdaptiveGrid adaptive(grid_, flags_.tolerance);
    const SurfaceValues& values = run.surface().train ? *run.surface().train : *run.surface().test;
    for (;;) {
      const std::vector<std::int64_t> points = adaptive.missing(values.loss, values.valid);
      complete_ = points.empty();
      if (complete_ || interrupted()) break;
      Progress progress("points", "points", static_cast<std::int64_t>(points.size()), flags_.landscape.quiet);
      run.run(*evaluator_, points, follow(progress, run.done()), interrupted);
      progress.finish();
    }
    for (const auto& [name, set] :
         {std::pair{"train_loss_filled", &run.surface().train}, {"test_loss_filled", &run.surface().test}})
      if (*set) run.surface().further[name] = adaptive.filled((*set)->loss, (*set)->valid);
    say("computed: {} of {} points, where the surface bends\n", run.done(), run.points());
  }

  // Shows what is done beyond `before`.
  std::function<void(std::int64_t, const PointResult&)> follow(Progress& progress, std::int64_t before) const {
    const bool train = subject_.set().train != nullptr;
    return [&progress, before, train](std::int64_t done, const PointResult& result) {
      progress.update(done - before, fmt::format("loss {:.4g}", train ? result.train.loss : result.test.loss));
    };
  }

  // Saves the surface, in part after an interruption, and then removes the log if all is there.
  void finish(SurfaceRun& run) {
    surface_ = run.surface();
    surface_.direction_file = axes_.file();
    surface_.attributes["engine"] = evaluator_->engine();
    surface_.attributes["precision"] = evaluator_->precision();
    surface_.attributes["device"] = device_text(options_);
    surface_.attributes["model"] = plane_.model->name;
    surface_.attributes["checkpoint"] = flags_.landscape.checkpoint;
    surface_.attributes["version"] = version_text();
    if (complete_) surface_.attributes["metrics"] = metrics().dump();
    write_surface(flags_.out, surface_);
    if (complete_) {
      run.remove_log();
      return;
    }
    fmt::print(stderr, "interrupted: {} of {} points are in '{}'; to go on: {}\n", run.done(), run.points(), flags_.out,
               resume_command());
    throw Interrupted();
  }

  // Of one image set; an adaptive grid's with the interpolated losses, whose errors are unknown.
  std::vector<Metric> metrics_of(const SurfaceValues& values, const char* set) const {
    const auto filled = surface_.further.find(std::string(set) + "_loss_filled");
    if (filled == surface_.further.end()) return surface_metrics(surface_, values);
    SurfaceValues all = values;
    for (std::size_t i = 0; i < all.loss.size(); ++i) {
      if (all.valid[i] != 0) continue;
      all.loss[i] = filled->second[i];
      all.loss_error[i] = std::numeric_limits<double>::quiet_NaN();
      all.valid[i] = 1;
    }
    return surface_metrics(surface_, all);
  }

  // Of each image set.
  Json metrics() const {
    Json json;
    if (surface_.train) json["train"] = metrics_json(metrics_of(*surface_.train, "train"));
    if (surface_.test) json["test"] = metrics_json(metrics_of(*surface_.test, "test"));
    return json;
  }

  static void print_metrics(const std::vector<Metric>& metrics) {
    for (const Metric& metric : metrics)
      if (!metric.name.starts_with("loss_")) fmt::print("{}\n", metric_line(metric));
  }

  // --force would start anew.
  static std::string resume_command() {
    std::string line = command_line();
    if (const std::size_t at = line.find(" --force"); at != std::string::npos) line.erase(at, 8);
    return line;
  }

  void report(double seconds) const {
    std::optional<double> angle;
    if (axes_.y() != nullptr) angle = cosine(*axes_.x(), *axes_.y());
    const std::string next = next_command(flags_, grid_.two_dimensional);
    if (flags_.landscape.json) {
      Json json{{"out", flags_.out},
                {"directions", axes_.file()},
                {"points", grid_.size()},
                {"engine", evaluator_->engine()},
                {"precision", evaluator_->precision()},
                {"device", device_text(options_)},
                {"notes", notes_},
                {"seconds", seconds},
                {"next", next}};
      if (angle) json["cosine"] = *angle;
      if (surface_.train) json["train"] = json_of(extremes(grid_, *surface_.train));
      if (surface_.test) json["test"] = json_of(extremes(grid_, *surface_.test));
      json["metrics"] = metrics();
      fmt::print("{}\n", json.dump());
      return;
    }
    if (surface_.train) {
      print_extremes("train", extremes(grid_, *surface_.train));
      print_metrics(metrics_of(*surface_.train, "train"));
    }
    if (surface_.test) {
      print_extremes("test", extremes(grid_, *surface_.test));
      print_metrics(metrics_of(*surface_.test, "test"));
    }
    fmt::print("written: {} ({}directions: {})\n", flags_.out, angle ? fmt::format("cosine {:.4f}, ", *angle) : "",
               axes_.file());
    if (!flags_.landscape.quiet) fmt::print("next: {}\n", next);
  }

  const RunFlags& flags_;
  Grid grid_;
  Subject subject_;
  Axes axes_;
  Plane plane_;
  EvaluatorOptions options_;
  std::unique_ptr<Evaluator> evaluator_;
  std::string configuration_;
  Surface surface_;
  bool complete_ = false;
  std::vector<std::string> notes_;  // of the evaluation
};

}  // namespace

void add_direction_flags(CLI::App& command, RunFlags& flags, bool two_dimensional) {
  command.add_option("--x", flags.x, "Range first:last:count of the first axis; write --x=-1:1:51")
      ->capture_default_str();
  command.add_option(
      "--norm", flags.norm,
      "Scale of a direction: filter, layer, weight, dfilter, dlayer or none (default: filter; none with --to)");
  command.add_option("--ignore", flags.ignore,
                     "biasbn: biases and batch norm stay; none: they move (default: biasbn; none with --to)");
  command.add_option("--type", flags.type,
                     "weights, or states: batch-norm statistics move too (default: weights; states with --to)");
  command.add_option("--seed", flags.seed, "Seed of the random directions")->capture_default_str();
  command.add_option("--x-index", flags.x_index, "Which random direction of that seed is x")->capture_default_str();
  command.add_option("--to", flags.to, "Second checkpoint: it lies at x = 1, the first at 0");
  if (two_dimensional) {
    command.add_option("--y", flags.y, "Range of the second axis; without it the surface is a line");
    command.add_option("--y-index", flags.y_index, "Which random direction is y")->capture_default_str();
    command.add_option("--to2", flags.to2, "Third checkpoint: it lies at y = 1");
  }
  command.add_option("--direction-file", flags.direction_file, "Read the directions (HDF5, reference layout) instead");
}

void add_run_flags(CLI::App& command, RunFlags& flags, bool two_dimensional) {
  flags.landscape.usual_images = 1000;
  add_landscape_flags(command, flags.landscape);
  add_direction_flags(command, flags, two_dimensional);
  command.add_option("--out", flags.out, "Where the surface goes (HDF5)")->required();
  command
      .add_option("--pairs", flags.pairs,
                  two_dimensional
                      ? "So many pairs of random directions: indices x-index, y-index and on by twos; OUT is their "
                        "mean, with spread and quantiles, OUT's name with .pairN each of them"
                      : "So many random directions, of indices x-index and on; OUT is their mean")
      ->check(positive())
      ->capture_default_str();
  command.add_flag("--per-class", flags.per_class, "Losses and accuracies of each class too");
  if (two_dimensional) {
    command.add_flag("--adaptive", flags.adaptive, "Compute every 8th point, then those where the surface bends");
    command
        .add_option("--tolerance", flags.tolerance,
                    "Of --adaptive: the error of interpolation, in ln(loss + 0.1) below 10")
        ->check(positive())
        ->capture_default_str();
  }
  command.add_option("--verify", flags.verify, "First compare N random points with the autograd engine")
      ->check(non_negative());
  command.add_flag("--force", flags.force, "Replace an existing surface and its log");
  command.add_flag("--resume", flags.resume, "Go on where an interrupted run stopped; this is what happens anyway");
}

void run_landscape(const RunFlags& flags) {
  if (flags.pairs > 1) return run_landscape_pairs(flags);
  Run(flags).execute();
}

}  // namespace basin
