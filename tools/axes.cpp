#include "tools/axes.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

DirectionOptions options_of(const RunFlags& flags, bool difference) {
  const auto or_default = [](const std::string& value, const char* fallback) {
    return value.empty() ? fallback : value;
  };
  return {parse_direction_kind(or_default(flags.type, flags.to.empty() ? "weights" : "states"), "--type"),
          parse_norm(or_default(flags.norm, difference ? "none" : "filter"), "--norm"),
          parse_ignore(or_default(flags.ignore, difference ? "none" : "biasbn"), "--ignore")};
}

// One axis of the plane and, in `json`, all that it depends on.
Direction make_axis(const RunFlags& flags, const Checkpoint& center, const std::string& to, std::uint64_t index,
                    Json& json) {
  const DirectionOptions options = options_of(flags, !to.empty());
  json = {{"norm", name_of(options.norm)}, {"ignore", name_of(options.ignore)}, {"type", name_of(options.kind)}};
  if (to.empty()) {
    json.update({{"seed", flags.seed}, {"index", index}});
    return random_direction(center.state, options, flags.seed, index);
  }
  const Checkpoint end = load_companion(to, center);
  json["to"] = end.hash;
  return difference_direction(center.state, end.state, options);
}

fs::path directions_path(const RunFlags& flags) { return fs::path(flags.out).replace_extension(".directions.h5"); }

}  // namespace

Axes::Axes(const RunFlags& flags, const Checkpoint& center, bool two_dimensional) {
  if (!flags.direction_file.empty()) {
    check(flags.to.empty() && flags.to2.empty(), "--direction-file: not together with --to");
    pair_ = read_directions(flags.direction_file, center.state);
    check(pair_.y.has_value() || !two_dimensional, "'", flags.direction_file, "': no ydirection for --y");
    if (!two_dimensional) pair_.y.reset();
    file_ = flags.direction_file;
    configuration_ = {{"x_norm", norm(pair_.x)}, {"type", name_of(pair_.x.kind)}};
    if (pair_.y) configuration_.update({{"y_norm", norm(*pair_.y)}, {"cosine", cosine(pair_.x, *pair_.y)}});
    treat_statistics(flags.landscape.statistics, center.state);
    return;
  }
  pair_.x = make_axis(flags, center, flags.to, flags.x_index, configuration_["x"]);
  if (two_dimensional) pair_.y = make_axis(flags, center, flags.to2, flags.y_index, configuration_["y"]);
  pair_.attributes["configuration"] = configuration_.dump();
  file_ = directions_path(flags).filename().string();
  treat_statistics(flags.landscape.statistics, center.state);
}

void Axes::save(const RunFlags& flags, const State& state) const {
  if (flags.direction_file.empty()) write_directions(directions_path(flags), state, pair_);
}

void Axes::treat_statistics(const std::string& mode, const State& center) {
  if (mode == "frozen") {
    pair_.x = without_statistics(pair_.x, center);
    if (pair_.y) pair_.y = without_statistics(*pair_.y, center);
  }
  check(mode != "interpolated" || moves_statistics(pair_.x, center) || (pair_.y && moves_statistics(*pair_.y, center)),
        "--bn interpolated: the directions do not move the statistics; give --type states --ignore none");
}

}  // namespace basin
