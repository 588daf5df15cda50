// The map of the Hessian's extreme eigenvalues over a plane (Li et al. 2018, figure 7).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "core/interrupt.h"
#include "landscape/hessian/map_run.h"
#include "tools/axes.h"
#include "tools/command.h"
#include "tools/hessian/hessian.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/version.h"

namespace basin {
namespace {

using Json = nlohmann::json;

Grid grid_of(const RunFlags& flags) {
  Grid grid{parse_range(flags.x, "--x"), {0, 0, 1}, !flags.y.empty()};
  check(grid.two_dimensional || flags.to2.empty(), "--to2 lies on the second axis; give its range with --y");
  if (grid.two_dimensional) grid.y = parse_range(flags.y, "--y");
  return grid;
}

// What a person wants to know of a map first.
struct Summary {
  std::int64_t points = 0, not_converged = 0, not_finite = 0;
  double largest = -std::numeric_limits<double>::infinity(), smallest = -largest;
  double median_ratio = 0, largest_ratio = 0;
  double negative_share = 0;  // of the points whose smallest eigenvalue is negative beyond its residual
};

Summary summarize(const HessianMap& map) {
  Summary result;
  std::vector<double> ratios;
  double negative = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map.valid[i] == 0) continue;
    ++result.points;
    const double ratio = map.ratio(i);
    if (!std::isfinite(ratio)) {
      ++result.not_finite;
      continue;
    }
    result.not_converged += map.largest.converged[i] != 0 && map.smallest.converged[i] != 0 ? 0 : 1;
    result.largest = std::max(result.largest, map.largest.value[i]);
    result.smallest = std::min(result.smallest, map.smallest.value[i]);
    negative += map.smallest.value[i] < -map.smallest.residual[i] ? 1 : 0;
    ratios.push_back(ratio);
  }
  if (ratios.empty()) return result;
  std::sort(ratios.begin(), ratios.end());
  result.median_ratio = ratios[ratios.size() / 2];
  result.largest_ratio = ratios.back();
  result.negative_share = negative / static_cast<double>(ratios.size());
  return result;
}

class MapCommand {
 public:
  explicit MapCommand(const HessianFlags& flags)
      : flags_(flags),
        grid_(grid_of(flags.run)),
        subject_(flags),
        axes_(flags.run, subject_.subject().checkpoint(), grid_.two_dimensional) {
    Json json = subject_.configuration();
    json.update({{"x", grid_.x.text()}, {"directions", axes_.configuration()}});
    if (grid_.two_dimensional) json["y"] = grid_.y.text();
    configuration_ = json.dump();
  }

  void execute() {
    const RunFlags& run = flags_.run;
    const bool there = holds_result(run.out, configuration_, run.force,
                                    {run.landscape.checkpoint, run.to, run.to2, run.direction_file});
    if (there && !std::filesystem::exists(log_beside(run.out))) {
      if (!run.landscape.quiet) fmt::print(stderr, "'{}' holds this map already\n", run.out);
      return report(read_hessian_map(run.out));
    }
    HessianMapRun map(grid_, log_beside(run.out), configuration_);
    if (!run.landscape.quiet) print_configuration(Json::parse(configuration_));
    axes_.save(run, subject_.state());
    compute(map);
    finish(map);
    report(map.map());
  }

 private:
  void compute(HessianMapRun& map) {
    const Plane plane{&subject_.subject().checkpoint().model, &subject_.state(), axes_.x(), axes_.y()};
    Progress progress("eigenvalues", "points", map.points(), flags_.run.landscape.quiet, map.done());
    const auto done = [&](std::int64_t count, std::size_t point) {
      progress.update(count, fmt::format("lambda max {:.3g}, min {:.3g}, {} products", map.map().largest.value[point],
                                         map.map().smallest.value[point], map.map().products[point]));
    };
    try {
      map.run(plane, subject_.loss(),
              {.tolerance = flags_.tolerance, .products = flags_.products, .seed = flags_.run.seed}, done, interrupted);
    } catch (const Interrupted&) {
      // Within a point: finish() says so.
    }
    progress.finish();
  }

  void finish(HessianMapRun& run) {
    HessianMap& map = run.map();
    map.direction_file = axes_.file();
    map.attributes["model"] = subject_.subject().checkpoint().model.name;
    map.attributes["checkpoint"] = flags_.run.landscape.checkpoint;
    map.attributes["device"] = subject_.backend().name();
    map.attributes["version"] = version_text();
    write_hessian_map(flags_.run.out, map);
    if (run.complete()) return run.remove_log();
    fmt::print(stderr, "interrupted: {} of {} points are in '{}'; to go on: {}\n", run.done(), run.points(),
               flags_.run.out, resume_command());
    throw Interrupted();
  }

  void report(const HessianMap& map) const {
    const Summary s = summarize(map);
    const std::string next = fmt::format("basin plot {} --out {}", flags_.run.out,
                                         std::filesystem::path(flags_.run.out).replace_extension(".png").string());
    if (flags_.run.landscape.json) {
      const Json json{{"out", flags_.run.out},
                      {"directions", axes_.file()},
                      {"points", s.points},
                      {"not_converged", s.not_converged},
                      {"not_finite", s.not_finite},
                      {"largest", s.largest},
                      {"smallest", s.smallest},
                      {"median_ratio", s.median_ratio},
                      {"largest_ratio", s.largest_ratio},
                      {"negative_share", s.negative_share},
                      {"tolerance", flags_.tolerance},
                      {"next", next}};
      std::cout << json.dump() << '\n';
      return;
    }
    fmt::print("{} points: largest eigenvalue up to {:.4g}, smallest down to {:.4g}\n", s.points, s.largest,
               s.smallest);
    fmt::print("|min / max|: median {:.3g}, largest {:.3g}; residuals within {:g} of the largest eigenvalue\n",
               s.median_ratio, s.largest_ratio, flags_.tolerance);
    fmt::print("negative curvature beyond its residual at {:.0f} % of the points\n", 100 * s.negative_share);
    if (s.not_converged > 0)
      fmt::print("{} points did not converge in {} products\n", s.not_converged, flags_.products);
    if (s.not_finite > 0) fmt::print("{} points with a loss that is not finite\n", s.not_finite);
    fmt::print("written: {} (directions: {})\n", flags_.run.out, axes_.file());
    if (!flags_.run.landscape.quiet) fmt::print("next: {}\n", next);
  }

  const HessianFlags& flags_;
  Grid grid_;
  HessianSubject subject_;
  Axes axes_;
  std::string configuration_;
};

}  // namespace

void run_hessian_map(const HessianFlags& flags) { MapCommand(flags).execute(); }

}  // namespace basin
