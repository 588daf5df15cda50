#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/interrupt.h"
#include "landscape/curve/curve_evaluator.h"
#include "landscape/recomputed_statistics.h"
#include "landscape/surface_run.h"
#include "tools/command.h"
#include "tools/curve/curve.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// c.h5 -> c.<end>
std::string beside(const CurveFlags& flags, const std::string& end) {
  return fs::path(flags.out).replace_extension(end).string();
}

// Statistics that were averaged along other networks say nothing of one on the curve: they are recomputed unless asked.
LandscapeFlags with_statistics(LandscapeFlags flags) {
  check(flags.statistics != "frozen",
        "--bn frozen: a curve joins networks with statistics of their own; expected recomputed or interpolated");
  if (flags.statistics != "auto") return flags;
  const Checkpoint first = load_checkpoint(flags.checkpoint, flags.model, cpu_backend());
  if (has_batch_norm(first.state)) flags.statistics = "recomputed";
  return flags;
}

CurveKind checked_kind(const CurveFlags& flags) {
  const CurveKind kind = parse_curve_kind(flags.kind, "--kind");
  check(kind == CurveKind::linear || flags.bends >= 1, "--bends: expected at least 1, found ", flags.bends);
  check(flags.points >= 2 && flags.points <= kMaxCurvePoints, "--points: expected 2 to ", kMaxCurvePoints, ", found ",
        flags.points);
  check(!flags.surface || !flags.through.empty() || (kind != CurveKind::linear && flags.bends == 1), "--surface: a ",
        kind == CurveKind::linear ? "straight line" : "curve with several bends",
        " names no plane; give a third network with --through");
  check(flags.surface || flags.through.empty(), "--through names the plane of --surface; give both");
  return kind;
}

std::vector<double> errors_of(const std::vector<double>& accuracy) {
  std::vector<double> errors;
  for (const double a : accuracy) errors.push_back(100 - a);
  return errors;
}

std::vector<double> of_images(const std::vector<ImageLoss>& images, bool error) {
  std::vector<double> values;
  for (const ImageLoss& image : images) values.push_back(!error ? image.loss : image.correct ? 0 : 100);
  return values;
}

class Run {
 public:
  explicit Run(const CurveFlags& flags)
      : flags_(flags),
        kind_(checked_kind(flags)),
        landscape_(with_statistics(flags.landscape)),
        subject_(landscape_),
        other_(load_companion(flags.to, subject_.checkpoint())),
        curve_(
            make_curve(kind_, subject_.checkpoint().state, other_.state, kind_ == CurveKind::linear ? 0 : flags.bends)),
        options_(evaluator_options(landscape_)),
        evaluator_(make_curve_evaluator(model(), curve_, subject_.set(), options_)) {
    if (kind_ != CurveKind::linear) training_.emplace(flags, model());
    Json json = subject_.configuration();
    json.update({{"kind", name_of(kind_)},
                 {"checkpoint2", other_.hash},
                 {"points", flags.points},
                 {"engine", evaluator_->engine()},
                 {"precision", evaluator_->precision()}});
    if (training_) json["training"] = training_->configuration();
    configuration_ = json.dump();
  }

  void execute() {
    const bool there = holds_result(flags_.out, configuration_, flags_.force,
                                    {flags_.landscape.checkpoint, flags_.to, flags_.through});
    if (flags_.force) fs::remove(progress_path(flags_));
    CurveFile file;
    if (there) {
      file = read_curve(flags_.out);
      remove_progress();  // of a run that was killed as it ended
      if (flags_.surface) load_bends();
      say("'{}' holds this curve already\n", flags_.out);
    } else {
      print_configuration();
      const auto start = Clock::now();
      file = compute();
      report_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    }
    if (flags_.surface) {
      CurveFlags with = flags_;
      with.landscape = landscape_;
      run_curve_plane(with, subject_.checkpoint(), curve_);
    }
    report_.engine = evaluator_->engine();
    report_.precision = evaluator_->precision();
    report_.device = device_text(options_);
    report_curve(flags_, file, report_);
  }

 private:
  const Model& model() const { return subject_.checkpoint().model; }
  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) const {
    if (!flags_.landscape.quiet) fmt::print(stderr, format, std::forward<Parts>(parts)...);
  }

  void print_configuration() const {
    say("{}\n", command_line());
    const Json json = Json::parse(configuration_);
    for (const auto& [name, value] : json.items())
      say("  {:<12} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    say("  {:<12} {}\n", "device", device_text(options_));
  }

  CurveFile compute() {
    if (training_) train();
    SurfaceRun run(make_grid(Range{0, 1, flags_.points}), subject_.set(), log_beside(flags_.out), configuration_);
    Progress progress("curve", "points", run.points(), flags_.landscape.quiet, run.done());
    run.run(
        *evaluator_,
        [&](std::int64_t done, const PointResult& result) {
          const Measurement& m = subject_.set().train != nullptr ? result.train : result.test;
          progress.update(done, fmt::format("loss {:.4g}", m.loss));
        },
        interrupted);
    progress.finish();
    if (!run.complete()) {
      fmt::print(stderr, "interrupted: {} of {} points are in '{}'; to go on: {}\n", run.done(), run.points(),
                 log_beside(flags_.out).string(), resume_command());
      throw Interrupted();
    }
    for (const std::string& note : report_.notes = evaluator_->notes()) say("note: {}\n", note);
    CurveFile file = file_of(run.surface());
    write_curve(flags_.out, file);
    run.remove_log();
    remove_progress();
    return file;
  }

  void remove_progress() const {
    fs::remove(log_beside(flags_.out));
    fs::remove(progress_path(flags_));
  }

  void load_bends() {
    for (std::size_t k = 1; k + 1 < curve_.points.size(); ++k)
      curve_.points[k] = load_companion(bend_path(flags_, static_cast<std::int64_t>(k)), other_).state;
  }

  // The evaluator sees the trained bends through curve_.
  void train() {
    const bool resumed = fs::exists(progress_path(flags_));
    for (std::int64_t k = 1; k <= flags_.bends; ++k)
      check(resumed || flags_.force || !fs::exists(bend_path(flags_, k)), "'", bend_path(flags_, k),
            "' exists (--force replaces it, --out names another)");
    curve_ = training_->train(curve_, progress_path(flags_), configuration_);
    for (std::int64_t k = 1; k <= flags_.bends; ++k)
      save_checkpoint(bend_path(flags_, k), model(), curve_.points[static_cast<std::size_t>(k)],
                      {{"dataset", subject_.configuration()["dataset"].get<std::string>()},
                       {"curve", name_of(kind_)},
                       {"bend", std::to_string(k)},
                       {"config", configuration_},
                       {"version", version_text()}});
  }

  CurveFile file_of(const Surface& surface) const {
    CurveFile file;
    file.kind = kind_;
    for (std::size_t k = 1; k + 1 < curve_.points.size(); ++k)
      file.bend_files.push_back(fs::path(bend_path(flags_, static_cast<std::int64_t>(k))).filename().string());
    file.arc_length = arc_lengths(curve_, surface.x);
    file.straight_length = straight_length(curve_);
    file.surface = surface;
    if (surface.train) file.train = barriers(surface.x, *surface.train, *subject_.set().train);
    if (surface.test) file.test = barriers(surface.x, *surface.test, *subject_.set().test);
    std::map<std::string, std::string>& attributes = file.surface.attributes;
    attributes["engine"] = evaluator_->engine();
    attributes["precision"] = evaluator_->precision();
    attributes["device"] = device_text(options_);
    attributes["model"] = model().name;
    attributes["checkpoint"] = flags_.landscape.checkpoint;
    attributes["checkpoint2"] = flags_.to;
    attributes["version"] = version_text();
    return file;
  }

  // ---- barriers, with the errors of paired images

  CurveBarriers barriers(const std::vector<double>& t, const SurfaceValues& values, const Images& images) const {
    CurveBarriers result{barrier_of(t, values.loss), barrier_of(t, errors_of(values.accuracy))};
    const PreparedImages prepared(images, subject_.set().normalization, 64);
    std::map<double, std::vector<ImageLoss>> at;  // of each t that is needed, once
    for (const bool error : {false, true}) {
      Barrier& barrier = error ? result.error : result.loss;
      if (barrier.t == 0 || barrier.t == 1) continue;
      for (const double point : {0.0, barrier.t, 1.0})
        if (!at.contains(point)) at[point] = losses_at(point, prepared);
      barrier.error =
          paired_excess(of_images(at[0], error), of_images(at[barrier.t], error), of_images(at[1], error), barrier.t)
              .error;
    }
    return result;
  }

  std::vector<ImageLoss> losses_at(double t, const PreparedImages& images) const {
    Backend& backend = options_.devices.empty() ? cpu_backend() : *options_.devices.front();
    const EvaluationSet& set = subject_.set();
    State state = curve_.at(t).on(backend);
    if (set.statistics == BatchStatistics::recomputed) {
      const Images& first = set.train != nullptr ? *set.train : *set.test;
      const PreparedImages batches(first, set.normalization, std::min(set.statistics_batch, first.count));
      state = with_recomputed_statistics(model(), state, batches);
    }
    return image_losses(model(), state, images, set.loss);
  }

  const CurveFlags& flags_;
  CurveKind kind_;
  LandscapeFlags landscape_;
  Subject subject_;
  Checkpoint other_;
  Curve curve_;
  EvaluatorOptions options_;
  std::unique_ptr<Evaluator> evaluator_;
  std::optional<BendTraining> training_;
  std::string configuration_;
  CurveReport report_;
};

}  // namespace

std::string bend_path(const CurveFlags& flags, std::int64_t bend) {
  return beside(flags, fmt::format(".bend{}.safetensors", bend));
}
std::string progress_path(const CurveFlags& flags) { return beside(flags, ".training.safetensors"); }
std::string surface_path(const CurveFlags& flags) { return beside(flags, ".surface.h5"); }
std::string plane_path(const CurveFlags& flags) { return beside(flags, ".plane.h5"); }

void run_curve(const CurveFlags& flags) { Run(flags).execute(); }

}  // namespace basin
