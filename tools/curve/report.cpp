// What `basin curve` prints when it is done.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/curve/curve.h"

namespace basin {
namespace {

using Json = nlohmann::json;

// The point of the largest loss, the first that is not a number if there is one.
std::size_t worst_of(const SurfaceValues& values) {
  std::size_t worst = 0;
  for (std::size_t i = 0; i < values.loss.size(); ++i)
    if (!std::isnan(values.loss[worst]) && !(values.loss[i] <= values.loss[worst])) worst = i;
  return worst;
}

Json json_of(const Barrier& barrier) {
  return {{"height", barrier.height}, {"error", barrier.error}, {"t", barrier.t}};
}

Json json_of(const std::vector<double>& t, const SurfaceValues& values, std::size_t point) {
  return {{"t", t[point]},
          {"loss", values.loss[point]},
          {"loss_error", values.loss_error[point]},
          {"accuracy", values.accuracy[point]},
          {"accuracy_error", values.accuracy_error[point]}};
}

Json json_of(const std::vector<double>& t, const SurfaceValues& values, const CurveBarriers& barriers) {
  return {{"loss_barrier", json_of(barriers.loss)},
          {"error_barrier", json_of(barriers.error)},
          {"first", json_of(t, values, 0)},
          {"last", json_of(t, values, t.size() - 1)},
          {"worst", json_of(t, values, worst_of(values))}};
}

std::string text_of(const Barrier& barrier, const char* unit) {
  if (barrier.height == 0) return "none (0 at the ends, nowhere above the line between them)";
  return fmt::format("{:.4g}{} +- {:.2g} at t = {:.3g}", barrier.height, unit, barrier.error, barrier.t);
}

void print_set(const char* split, const std::vector<double>& t, const SurfaceValues& values,
               const CurveBarriers& barriers) {
  const std::size_t last = t.size() - 1, worst = worst_of(values);
  fmt::print("{} barrier of the loss: {}\n", split, text_of(barriers.loss, ""));
  fmt::print("{} barrier of the error: {}\n", split, text_of(barriers.error, " %"));
  fmt::print("{} loss: {:.4g} +- {:.2g} at t = 0, {:.4g} +- {:.2g} at t = 1, largest {:.4g} +- {:.2g} at t = {:.3g}\n",
             split, values.loss[0], values.loss_error[0], values.loss[last], values.loss_error[last],
             values.loss[worst], values.loss_error[worst], t[worst]);
}

}  // namespace

void report_curve(const CurveFlags& flags, const CurveFile& curve, const CurveReport& report) {
  const Surface& surface = curve.surface;
  const std::filesystem::path out = flags.out;
  const std::string next = fmt::format("basin plot {} --kind line --out {}", flags.out,
                                       std::filesystem::path(out).replace_extension(".png").string());
  std::vector<std::string> bends;
  for (const std::string& name : curve.bend_files) bends.push_back((out.parent_path() / name).string());
  const double ratio = curve.straight_length > 0 ? curve.length() / curve.straight_length : 1;  // one network twice
  if (flags.landscape.json) {
    Json json{{"out", flags.out},
              {"kind", name_of(curve.kind)},
              {"points", surface.size()},
              {"bends", bends},
              {"length", curve.length()},
              {"straight_length", curve.straight_length},
              {"length_ratio", ratio},
              {"engine", report.engine},
              {"precision", report.precision},
              {"device", report.device},
              {"notes", report.notes},
              {"seconds", report.seconds},
              {"next", next}};
    if (curve.train) json["train"] = json_of(surface.x, *surface.train, *curve.train);
    if (curve.test) json["test"] = json_of(surface.x, *surface.test, *curve.test);
    if (flags.surface) json.update({{"surface", surface_path(flags)}, {"directions", plane_path(flags)}});
    fmt::print("{}\n", json.dump());
    return;
  }
  if (curve.train) print_set("train", surface.x, *surface.train, *curve.train);
  if (curve.test) print_set("test", surface.x, *surface.test, *curve.test);
  fmt::print("length {:.6g}, straight {:.6g}, ratio {:.4f} (of the parameters; to 1e-9)\n", curve.length(),
             curve.straight_length, ratio);
  for (const std::string& bend : bends) fmt::print("bend: {}\n", bend);
  fmt::print("written: {}\n", flags.out);
  if (!flags.landscape.quiet) fmt::print("next: {}\n", next);
}

}  // namespace basin
