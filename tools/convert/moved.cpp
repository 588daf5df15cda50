#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "landscape/direction_file.h"
#include "landscape/plane.h"
#include "models/training/checkpoint.h"
#include "tools/convert/convert.h"
#include "tools/version.h"

namespace basin {
namespace {

double parse_coordinate(std::string_view text, const std::string& whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && std::isfinite(value),
        "--at: expected one or two numbers such as 0.5,-0.2, found '", whole, "'");
  return value;
}

// "0.5" or "0.5,-0.2".
Point parse_point(const std::string& text) {
  const std::size_t comma = text.find(',');
  const std::string_view whole(text);
  Point point{parse_coordinate(whole.substr(0, comma), text)};
  if (comma != std::string::npos) point.beta = parse_coordinate(whole.substr(comma + 1), text);
  return point;
}

}  // namespace

void save_moved(const ConvertOptions& options) {
  check(!options.at.empty(), "--at: where the network goes is missing, such as --at 0.5,-0.2");
  check(!options.directions.empty(), "--directions: the file of the plane's directions is missing");
  const Point point = parse_point(options.at);
  const Checkpoint checkpoint = load_checkpoint(options.file, options.model, cpu_backend());
  const DirectionPair pair = read_directions(options.directions, checkpoint.state);
  check(pair.y || options.at.find(',') == std::string::npos, "--at ", options.at, ": '", options.directions,
        "' has one direction alone; expected one number");
  const Plane plane{&checkpoint.model, &checkpoint.state, &pair.x, pair.y ? &*pair.y : nullptr};

  Metadata metadata;
  for (const char* name : {"dataset", "seed", "config"})  // what stays true of the network
    if (const auto found = checkpoint.metadata.find(name); found != checkpoint.metadata.end()) metadata.insert(*found);
  metadata["version"] = version_text();
  metadata["moved"] = nlohmann::json{{"checkpoint", checkpoint.hash},
                                     {"directions", sha256_file(options.directions)},
                                     {"at", {point.alpha, point.beta}}}
                          .dump();
  save_checkpoint(options.out, checkpoint.model, displaced(plane, point), metadata);
}

}  // namespace basin
