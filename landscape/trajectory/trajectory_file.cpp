#include "landscape/trajectory/trajectory_file.h"

#include <functional>
#include <limits>

#include "landscape/coordinates.h"

namespace basin {
namespace {

constexpr const char* kFormatAttribute = "format";
constexpr const char* kFormat = "basin trajectory 1";

// The numbers of a measurement and their names in the file.
struct Field {
  const char* suffix;
  double Measurement::*value;
};
constexpr Field kFields[] = {{"_loss", &Measurement::loss},
                             {"_loss_error", &Measurement::loss_error},
                             {"_acc", &Measurement::accuracy},
                             {"_acc_error", &Measurement::accuracy_error}};

// The four measurements of a point.
struct Part {
  std::string prefix;
  std::function<Measurement&(TrajectoryPoint&)> of;
};
std::vector<Part> parts_of(bool train, bool test) {
  std::vector<Part> parts;
  if (train) {
    parts.push_back({"train", [](TrajectoryPoint& p) -> Measurement& { return p.truth.train; }});
    parts.push_back({"plane_train", [](TrajectoryPoint& p) -> Measurement& { return p.in_plane.train; }});
  }
  if (test) {
    parts.push_back({"test", [](TrajectoryPoint& p) -> Measurement& { return p.truth.test; }});
    parts.push_back({"plane_test", [](TrajectoryPoint& p) -> Measurement& { return p.in_plane.test; }});
  }
  return parts;
}

template <class T, class Get>
void write_column(Hdf5Writer& file, const std::string& name, const std::vector<TrajectoryPoint>& points, Get get) {
  std::vector<T> values;
  for (const TrajectoryPoint& point : points) values.push_back(get(point));
  file.write(name, values, {static_cast<std::int64_t>(points.size())});
}

template <class T, class Set>
void read_column(const Hdf5Reader& file, const std::string& name, std::vector<TrajectoryPoint>& points, Set set) {
  const std::vector<T> values = file.read<T>(name, {static_cast<std::int64_t>(points.size())});
  for (std::size_t i = 0; i < points.size(); ++i) set(points[i], values[i]);
}

void write_values(Hdf5Writer& file, const std::string& name, const std::vector<double>& values) {
  if (!values.empty()) file.write(name, values, {static_cast<std::int64_t>(values.size())});
}

std::vector<double> read_values(const Hdf5Reader& file, const std::string& name) {
  return file.contains(name) ? read_coordinates(file, name) : std::vector<double>{};
}

}  // namespace

void write_trajectory(const std::filesystem::path& path, const Trajectory& trajectory) {
  Hdf5Writer file(path);
  file.write_attribute(kFormatAttribute, kFormat);
  for (const auto& [name, text] : trajectory.attributes) file.write_attribute(name, text);
  file.write_text("dir_file", trajectory.direction_file);
  std::vector<TrajectoryPoint> points = trajectory.points;
  write_column<double>(file, "proj_xcoord", points, [](const TrajectoryPoint& p) { return p.projection.x; });
  write_column<double>(file, "proj_ycoord", points, [](const TrajectoryPoint& p) { return p.projection.y; });
  write_column<double>(file, "distance", points, [](const TrajectoryPoint& p) { return p.projection.distance; });
  write_column<double>(file, "length", points, [](const TrajectoryPoint& p) { return p.projection.length; });
  write_column<std::int64_t>(file, "run", points, [](const TrajectoryPoint& p) { return p.run; });
  write_column<std::int64_t>(file, "epoch", points, [](const TrajectoryPoint& p) { return p.epoch; });
  write_column<double>(file, "learning_rate", points, [](const TrajectoryPoint& p) { return p.learning_rate; });
  for (const Part& part : parts_of(trajectory.train, trajectory.test))
    for (const Field& field : kFields)
      write_column<double>(file, part.prefix + field.suffix, points, [&](const TrajectoryPoint& p) {
        return part.of(const_cast<TrajectoryPoint&>(p)).*field.value;
      });
  write_values(file, "explained_variance_ratio_", trajectory.variance_ratio);
  write_values(file, "explained_variance_", trajectory.explained_variance);
  write_values(file, "singular_values_", trajectory.singular_values);
  write_values(file, "random_walk_ratio", trajectory.random_walk_ratio);
  file.save();
}

Trajectory read_trajectory(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  Trajectory trajectory;
  trajectory.attributes = file.text_attributes();
  const auto format = trajectory.attributes.extract(kFormatAttribute);
  const bool ours = !format.empty();
  check(!ours || format.mapped() == kFormat, "'", path.string(), "': attribute format: expected '", kFormat,
        "', found '", ours ? format.mapped() : "", "'");
  trajectory.direction_file = file.read_text("dir_file").value_or("");
  std::vector<TrajectoryPoint>& points = trajectory.points;
  points.resize(read_coordinates(file, "proj_xcoord").size());
  read_column<double>(file, "proj_xcoord", points, [](TrajectoryPoint& p, double v) { p.projection.x = v; });
  read_column<double>(file, "proj_ycoord", points, [](TrajectoryPoint& p, double v) { p.projection.y = v; });
  if (!ours) {
    for (TrajectoryPoint& point : points)
      point.projection.distance = point.projection.length = std::numeric_limits<double>::quiet_NaN();
    return trajectory;
  }
  read_column<double>(file, "distance", points, [](TrajectoryPoint& p, double v) { p.projection.distance = v; });
  read_column<double>(file, "length", points, [](TrajectoryPoint& p, double v) { p.projection.length = v; });
  read_column<std::int64_t>(file, "run", points, [](TrajectoryPoint& p, std::int64_t v) { p.run = v; });
  read_column<std::int64_t>(file, "epoch", points, [](TrajectoryPoint& p, std::int64_t v) { p.epoch = v; });
  if (file.contains("learning_rate"))
    read_column<double>(file, "learning_rate", points, [](TrajectoryPoint& p, double v) { p.learning_rate = v; });
  trajectory.train = file.contains("train_loss");
  trajectory.test = file.contains("test_loss");
  for (const Part& part : parts_of(trajectory.train, trajectory.test))
    for (const Field& field : kFields)
      read_column<double>(file, part.prefix + field.suffix, points,
                          [&](TrajectoryPoint& p, double v) { part.of(p).*field.value = v; });
  trajectory.variance_ratio = read_values(file, "explained_variance_ratio_");
  trajectory.explained_variance = read_values(file, "explained_variance_");
  trajectory.singular_values = read_values(file, "singular_values_");
  trajectory.random_walk_ratio = read_values(file, "random_walk_ratio");
  return trajectory;
}

}  // namespace basin
