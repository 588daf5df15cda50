#include "landscape/curve/curve_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace basin {
namespace {

using Json = nlohmann::json;

constexpr const char* kAttribute = "curve";

Json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double number_of(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const auto text = json.get<std::string>();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "inf") return kInfinity;
  if (text == "-inf") return -kInfinity;
  check(text == "nan", "expected a number, found '", text, "'");
  return std::numeric_limits<double>::quiet_NaN();
}

Json json_of(const Barrier& barrier) {
  return {{"height", number(barrier.height)}, {"error", number(barrier.error)}, {"t", barrier.t}};
}
Barrier barrier_of(const Json& json) {
  return {number_of(json.at("height")), number_of(json.at("error")), number_of(json.at("t"))};
}

Json json_of(const CurveBarriers& barriers) {
  return {{"loss_barrier", json_of(barriers.loss)}, {"error_barrier", json_of(barriers.error)}};
}

// Barriers lie at one of the points `t` of the curve.
std::optional<CurveBarriers> barriers_of(const Json& json, const char* set, const std::vector<double>& t) {
  if (!json.contains(set)) return std::nullopt;
  const auto read = [&](const char* name) {
    const Barrier barrier = barrier_of(json.at(set).at(name));
    check(std::find(t.begin(), t.end(), barrier.t) != t.end(), set, ".", name,
          ".t: expected one of the curve's coordinates, found ", barrier.t);
    return barrier;
  };
  return CurveBarriers{read("loss_barrier"), read("error_barrier")};
}

}  // namespace

void write_curve(const std::filesystem::path& path, const CurveFile& curve) {
  check(!curve.surface.y && curve.arc_length.size() == curve.surface.size() &&
            curve.surface.size() <= static_cast<std::size_t>(kMaxCurvePoints),
        "curve: ", curve.arc_length.size(), " lengths for ", curve.surface.size(), " points, at most ",
        kMaxCurvePoints);
  Json json{{"kind", name_of(curve.kind)},
            {"bends", curve.bend_files.size()},
            {"bend_files", curve.bend_files},
            {"arc_length", Json::array()},
            {"straight_length", number(curve.straight_length)}};
  for (const double length : curve.arc_length) json["arc_length"].push_back(number(length));
  if (curve.train) json["train"] = json_of(*curve.train);
  if (curve.test) json["test"] = json_of(*curve.test);
  Surface surface = curve.surface;
  surface.attributes[kAttribute] = json.dump();
  write_surface(path, surface);
}

bool is_curve(const Surface& surface) { return surface.attributes.contains(kAttribute); }

CurveFile read_curve(const std::filesystem::path& path) {
  CurveFile curve;
  curve.surface = read_surface(path);
  check(is_curve(curve.surface) && !curve.surface.y, "'", path.string(),
        "': expected a curve, found a surface without attribute curve");
  try {
    const Json json = Json::parse(curve.surface.attributes[kAttribute]);
    curve.kind = parse_curve_kind(json.at("kind").get<std::string>(), "kind");
    curve.bend_files = json.at("bend_files").get<std::vector<std::string>>();
    for (const Json& length : json.at("arc_length")) curve.arc_length.push_back(number_of(length));
    curve.straight_length = number_of(json.at("straight_length"));
    curve.train = barriers_of(json, "train", curve.surface.x);
    curve.test = barriers_of(json, "test", curve.surface.x);
  } catch (const std::exception& error) {  // of the JSON library, and of the checks above
    fail("'", path.string(), "': attribute curve: ", error.what());
  }
  check(curve.arc_length.size() == curve.surface.size(), "'", path.string(),
        "': attribute curve: arc_length: expected ", curve.surface.size(), " values, found ", curve.arc_length.size());
  return curve;
}

}  // namespace basin
