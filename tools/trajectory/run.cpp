#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/interrupt.h"
#include "landscape/point_record.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tools/command.h"
#include "tools/landscape_run.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/trajectory/path_plane.h"
#include "tools/trajectory/trajectory.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string beside(const std::string& out, const char* end) { return fs::path(out).replace_extension(end).string(); }

// "-1.25:0.5:31" around the values with the margin.
std::string range_of(const std::vector<double>& values, double margin, std::int64_t points) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double around = margin * std::max(*most - *least, 1e-12);
  return fmt::format("{:.6g}:{:.6g}:{}", *least - around, *most + around, points);
}

class TrajectoryCommand {
 public:
  explicit TrajectoryCommand(const TrajectoryFlags& flags, SavedRuns runs)
      : flags_(flags),
        runs_(std::move(runs)),
        subject_(flags.landscape),
        options_(evaluator_options(flags.landscape)),
        centering_(parse_centering(flags.centering)),
        space_{subject_.checkpoint(),
               {parse_direction_kind(flags.type, "--type"), Norm::none, parse_ignore(flags.ignore, "--ignore")}} {
    Json json = subject_.configuration();
    Json hashes = Json::array();
    for (const SavedPoint& point : runs_.points) hashes.push_back(load_companion(point.path.string(), center()).hash);
    json.update({{"points", hashes}, {"type", flags.type}, {"ignore", flags.ignore}});
    if (flags.plane.empty())
      json["centering"] = flags.centering;
    else
      json["plane"] = read_plane().attributes;
    const auto evaluator =
        make_evaluator({&center().model, &center().state, nullptr, nullptr}, subject_.set(), options_);
    json.update({{"engine", evaluator->engine()}, {"precision", evaluator->precision()}});
    configuration_ = json.dump();
  }

  void execute() {
    std::vector<std::string> inputs{flags_.plane};
    for (const SavedPoint& point : runs_.points) inputs.push_back(point.path.string());
    if (holds_result(flags_.out, configuration_, flags_.force, inputs)) {
      say("'{}' holds this path already\n", flags_.out);
      trajectory_ = read_trajectory(flags_.out);
    } else {
      print_configuration();
      find_plane();
      measure();
      save();
    }
    report();
    if (flags_.surface) compute_surface();
  }

 private:
  const Checkpoint& center() const { return subject_.checkpoint(); }
  std::string directions_file() const {
    return flags_.plane.empty() ? beside(flags_.out, ".directions.h5") : flags_.plane;
  }

  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) const {
    if (!flags_.landscape.quiet) fmt::print(stderr, format, std::forward<Parts>(parts)...);
  }

  void print_configuration() const {
    say("{}\n", command_line());
    for (std::size_t run = 0; run < runs_.names.size(); ++run) say("  {:<12} {}\n", "run", runs_.names[run]);
    const Json json = Json::parse(configuration_);
    for (const auto& [name, value] : json.items())
      if (name != "points") say("  {:<12} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    say("  {:<12} {} checkpoints\n", "path", runs_.points.size());
  }

  DirectionPair read_plane() const {
    DirectionPair pair = read_directions(flags_.plane, center().state);
    check(pair.y.has_value(), "'", flags_.plane, "': no ydirection: it is no plane");
    if (pair.attributes.empty()) pair.attributes["norms"] = fmt::format("{} {}", norm(pair.x), norm(*pair.y));
    return pair;
  }

  void find_plane() {
    const auto count = static_cast<std::int64_t>(runs_.points.size());
    Progress progress("plane", "checkpoints", (flags_.plane.empty() ? 3 : 1) * count, flags_.landscape.quiet);
    std::int64_t read = 0;
    const auto loaded = [&] {
      if (interrupted()) throw Interrupted();
      progress.update(++read);
    };
    plane_ = flags_.plane.empty() ? principal_plane(space_, runs_, centering_, loaded)
                                  : given_plane(space_, runs_, read_plane(), loaded);
    progress.finish();
    if (!flags_.plane.empty()) return;
    plane_->directions.attributes["configuration"] = configuration_;
    write_directions(directions_file(), center().state, plane_->directions);
  }

  // The losses of all checkpoints, then those of their projections, each an item of the log.
  void measure() {
    const std::size_t count = runs_.points.size();
    AppendLog log(log_beside(flags_.out), configuration_, static_cast<std::int64_t>(2 * count), kPointRecordWidth);
    std::vector<std::optional<PointResult>> known(2 * count);
    for (const LogRecord& record : log.recovered()) known[static_cast<std::size_t>(record.index)] = result_of(record);
    const auto done = std::count_if(known.begin(), known.end(), [](const auto& k) { return k.has_value(); });
    Progress progress("losses", "points", static_cast<std::int64_t>(2 * count), flags_.landscape.quiet, done);
    std::int64_t finished = done;
    const auto keep = [&](std::size_t item, const PointResult& result) {
      log.append(record_of(static_cast<std::int64_t>(item), result));
      known[item] = result;
      progress.update(++finished);
    };
    for (std::size_t i = 0; i < count && !interrupted(); ++i)
      if (!known[i]) keep(i, true_losses(runs_.points[i].path));
    measure_in_plane(known, keep);
    log.sync();
    progress.finish();
    if (finished < static_cast<std::int64_t>(2 * count)) {
      fmt::print(stderr, "interrupted: {} of {} losses are kept; to go on: {}\n", finished, 2 * count,
                 resume_command());
      throw Interrupted();
    }
    take(known);
  }

  PointResult true_losses(const fs::path& path) const {
    const Checkpoint point = load_companion(path.string(), center());
    return evaluate_point(*make_evaluator({&point.model, &point.state, nullptr, nullptr}, subject_.set(), options_),
                          {});
  }

  void measure_in_plane(const std::vector<std::optional<PointResult>>& known,
                        const std::function<void(std::size_t, const PointResult&)>& keep) const {
    std::vector<Point> points;
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < runs_.points.size(); ++i) {
      if (known[runs_.points.size() + i]) continue;
      points.push_back({plane_->projections[i].x, plane_->projections[i].y});
      items.push_back(runs_.points.size() + i);
    }
    const Plane plane{&center().model, &center().state, &plane_->directions.x, &*plane_->directions.y};
    make_evaluator(plane, subject_.set(), options_)
        ->evaluate(
            points, [&](std::size_t i, const PointResult& result) { keep(items[i], result); }, interrupted);
  }

  void take(const std::vector<std::optional<PointResult>>& known) {
    const std::size_t count = runs_.points.size();
    for (std::size_t i = 0; i < count; ++i)
      trajectory_.points.push_back({plane_->projections[i], runs_.points[i].run, runs_.points[i].epoch,
                                    runs_.points[i].learning_rate, *known[i], *known[count + i]});
    trajectory_.train = subject_.set().train != nullptr;
    trajectory_.test = subject_.set().test != nullptr;
    if (!plane_->components) return;
    trajectory_.variance_ratio = plane_->components->variance_ratio;
    trajectory_.explained_variance = plane_->components->explained_variance;
    trajectory_.singular_values = plane_->components->singular_values;
    // Of several runs there is no such walk.
    if (runs_.names.size() == 1) trajectory_.random_walk_ratio = random_walk_ratios(count, count, centering_);
  }

  void save() {
    trajectory_.direction_file = fs::path(directions_file()).filename().string();
    trajectory_.attributes = {{"configuration", configuration_},
                              {"runs", Json(runs_.names).dump()},
                              {"centering", flags_.plane.empty() ? flags_.centering : "plane given"},
                              {"model", center().model.name},
                              {"checkpoint", flags_.landscape.checkpoint},
                              {"version", version_text()}};
    write_trajectory(flags_.out, trajectory_);
    fs::remove(log_beside(flags_.out));
  }

  void report() const {
    const std::string next = flags_.surface ? fmt::format("basin plot {} --trajectory {}", surface_file(), flags_.out)
                                            : fmt::format("basin plot {}", flags_.out);
    if (flags_.landscape.json) {
      Json json{{"out", flags_.out}, {"directions", directions_file()}, {"next", next}};
      for (const TrajectoryPoint& point : trajectory_.points) json["points"].push_back(json_of(point));
      if (!trajectory_.variance_ratio.empty()) json["explained_variance_ratio"] = trajectory_.variance_ratio;
      if (!trajectory_.random_walk_ratio.empty()) json["random_walk_ratio"] = trajectory_.random_walk_ratio;
      std::cout << json.dump() << '\n';
      return;
    }
    print_table();
    print_variance();
    fmt::print("written: {} (directions: {})\n", flags_.out, directions_file());
    say("next: {}\n", next);
  }

  Json json_of(const TrajectoryPoint& point) const {
    Json json{{"run", point.run},
              {"epoch", point.epoch},
              {"learning_rate", point.learning_rate},
              {"x", point.projection.x},
              {"y", point.projection.y},
              {"distance", point.projection.distance},
              {"length", point.projection.length}};
    const auto add = [&](const char* set, const Measurement& truth, const Measurement& in_plane) {
      json[set] = {{"loss", truth.loss},
                   {"loss_error", truth.loss_error},
                   {"plane_loss", in_plane.loss},
                   {"plane_loss_error", in_plane.loss_error}};
    };
    if (trajectory_.train) add("train", point.truth.train, point.in_plane.train);
    if (trajectory_.test) add("test", point.truth.test, point.in_plane.test);
    return json;
  }

  void print_table() const {
    fmt::print("{:>4} {:>6} {:>10} {:>10} {:>10} {:>10} {:>20} {:>20}\n", "run", "epoch", "x", "y", "distance",
               "length", "loss", "loss in the plane");
    for (const TrajectoryPoint& p : trajectory_.points) {
      const Measurement& truth = trajectory_.train ? p.truth.train : p.truth.test;
      const Measurement& in_plane = trajectory_.train ? p.in_plane.train : p.in_plane.test;
      fmt::print("{:>4} {:>6} {:>10.4g} {:>10.4g} {:>10.4g} {:>10.4g} {:>11.4g} +- {:<5.1g} {:>11.4g} +- {:<5.1g}\n",
                 p.run, p.epoch < 0 ? "?" : std::to_string(p.epoch), p.projection.x, p.projection.y,
                 p.projection.distance, p.projection.length, truth.loss, truth.loss_error, in_plane.loss,
                 in_plane.loss_error);
    }
  }

  void print_variance() const {
    const std::vector<double>& ratio = trajectory_.variance_ratio;
    if (ratio.size() < 2) return;
    fmt::print("explained variance: {:.1f} % and {:.1f} %, together {:.1f} %", 100 * ratio[0], 100 * ratio[1],
               100 * (ratio[0] + ratio[1]));
    const std::vector<double>& walk = trajectory_.random_walk_ratio;
    if (walk.size() >= 2)
      fmt::print("; a random walk of {} steps in many dimensions has {:.1f} % and {:.1f} %", walk.size() - 1,
                 100 * walk[0], 100 * walk[1]);
    fmt::print("\n");
  }

  std::string surface_file() const { return beside(flags_.out, ".surface.h5"); }

  void compute_surface() const {
    RunFlags run;
    run.landscape = flags_.landscape;
    run.direction_file = directions_file();
    run.out = surface_file();
    run.force = flags_.force;
    std::vector<double> x, y;
    for (const TrajectoryPoint& point : trajectory_.points) {
      x.push_back(point.projection.x);
      y.push_back(point.projection.y);
    }
    run.x = range_of(x, flags_.margin, flags_.points);
    run.y = range_of(y, flags_.margin, flags_.points);
    run.landscape.json = false;
    std::optional<OutputToErrors> redirected;
    if (flags_.landscape.json) redirected.emplace();
    run_landscape(run);
  }

  const TrajectoryFlags& flags_;
  const SavedRuns runs_;
  const Subject subject_;
  const EvaluatorOptions options_;
  const Centering centering_;
  const PathSpace space_;
  std::string configuration_;
  std::optional<PathPlane> plane_;
  Trajectory trajectory_;
};

}  // namespace

void run_trajectory(TrajectoryFlags flags) {
  SavedRuns runs = find_checkpoints(flags.runs, flags.every);
  flags.landscape.checkpoint = runs.points[runs.last_of(0)].path.string();
  TrajectoryCommand(flags, std::move(runs)).execute();
}

}  // namespace basin
