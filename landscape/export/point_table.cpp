#include "landscape/export/point_table.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"

namespace basin {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<double> as_doubles(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

std::vector<double> computed(std::vector<double> values, const std::vector<std::uint8_t>& valid) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (valid[i] == 0) values[i] = kNothing;
  return values;
}

// "nat" where the configuration says that losses are cross-entropies; other files do not say.
std::string loss_unit(const std::map<std::string, std::string>& attributes) {
  const auto text = attributes.find("configuration");
  if (text == attributes.end()) return "";
  const nlohmann::json json = nlohmann::json::parse(text->second, nullptr, false);
  return json.is_object() && json.contains("loss") && json["loss"] == "cross-entropy" ? "nat" : "";
}

void add_set(PointTable& table, const std::string& set, const SurfaceValues& values) {
  const std::string nat = loss_unit(table.attributes);
  const auto add = [&](const char* suffix, const std::string& unit, const std::vector<double>& column) {
    table.columns.push_back({set + suffix, unit, computed(column, values.valid)});
  };
  add("_loss", nat, values.loss);
  add("_acc", "%", values.accuracy);
  add("_loss_error", nat, values.loss_error);
  add("_acc_error", "%", values.accuracy_error);
  table.columns.push_back({set + "_nonfinite", "images", as_doubles(values.non_finite), ColumnType::count});
  table.columns.push_back({set + "_valid", "", as_doubles(values.valid), ColumnType::flag});
}

// Of all points, whatever was computed.
template <class Get>
void add_path_column(PointTable& table, const Trajectory& trajectory, const std::string& name, const std::string& unit,
                     Get get, ColumnType type = ColumnType::real) {
  std::vector<double> values;
  for (const TrajectoryPoint& point : trajectory.points) values.push_back(static_cast<double>(get(point)));
  table.columns.push_back({name, unit, std::move(values), type});
}

// Of one image set, at the points of the path or at their projections.
template <class Get>
void add_path_losses(PointTable& table, const Trajectory& trajectory, const std::string& set, Get measurement) {
  const std::string nat = loss_unit(table.attributes);
  const auto add = [&](const char* suffix, const std::string& unit, double Measurement::*value) {
    add_path_column(table, trajectory, set + suffix, unit,
                    [&](const TrajectoryPoint& point) { return measurement(point).*value; });
  };
  add("_loss", nat, &Measurement::loss);
  add("_acc", "%", &Measurement::accuracy);
  add("_loss_error", nat, &Measurement::loss_error);
  add("_acc_error", "%", &Measurement::accuracy_error);
}

// The points of a plane or, without y, of a line.
PointTable on_axes(const std::vector<double>& x, const std::optional<std::vector<double>>& y,
                   const std::map<std::string, std::string>& attributes) {
  PointTable table;
  table.arrangement = y ? Arrangement::plane : Arrangement::line;
  table.x = x;
  if (y) table.y = *y;
  table.attributes = attributes;
  return table;
}

void add_eigenvalues(PointTable& table, const std::string& name, const EigenvalueField& field,
                     const std::vector<std::uint8_t>& valid) {
  table.columns.push_back({name, "", computed(field.value, valid)});
  table.columns.push_back({name + "_residual", "", computed(field.residual, valid)});
  table.columns.push_back({name + "_converged", "", as_doubles(field.converged), ColumnType::flag});
}

}  // namespace

Shape PointTable::shape() const {
  const auto columns_of_plane = static_cast<std::int64_t>(x.size());
  return arrangement == Arrangement::plane ? Shape{static_cast<std::int64_t>(y.size()), columns_of_plane}
                                           : Shape{columns_of_plane};
}

double PointTable::y_at(std::size_t point) const {
  if (arrangement == Arrangement::line) return 0;
  return arrangement == Arrangement::plane ? y[point / x.size()] : y[point];
}

const PointColumn* PointTable::find(const std::string& column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

PointTable point_table(const Surface& surface) {
  PointTable table = on_axes(surface.x, surface.y, surface.attributes);
  if (surface.train) add_set(table, "train", *surface.train);
  if (surface.test) add_set(table, "test", *surface.test);
  table.height = surface.train ? "train_loss" : "test_loss";
  return table;
}

PointTable point_table(const HessianMap& map) {
  PointTable table = on_axes(map.x, map.y, map.attributes);
  add_eigenvalues(table, "max_eig", map.largest, map.valid);
  add_eigenvalues(table, "min_eig", map.smallest, map.valid);
  std::vector<double> ratios(map.size());
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = map.ratio(i);
  table.columns.push_back({"eig_ratio", "", std::move(ratios)});
  table.columns.push_back({"products", "", as_doubles(map.products), ColumnType::count});
  table.columns.push_back({"valid", "", as_doubles(map.valid), ColumnType::flag});
  table.height = "eig_ratio";
  return table;
}

PointTable point_table(const HessianReport& report) {
  check(report.density.has_value(),
        "the Hessian's file holds no spectral density (basin hessian --density computes it)");
  PointTable table;
  table.arrangement = Arrangement::line;
  table.x_name = "eigenvalue";
  table.x = report.density->at;
  table.columns = {{"density", "", report.density->density}, {"density_error", "", report.density->error}};
  table.attributes = report.attributes;
  table.height = "density";
  return table;
}

PointTable point_table(const Trajectory& trajectory) {
  using Saved = TrajectoryPoint;
  PointTable table;
  table.arrangement = Arrangement::path;
  table.x_name = "proj_xcoord";
  table.y_name = "proj_ycoord";
  table.attributes = trajectory.attributes;
  if (!trajectory.variance_ratio.empty())
    table.attributes["explained_variance_ratio_"] = nlohmann::json(trajectory.variance_ratio).dump();
  for (const Saved& point : trajectory.points) {
    table.x.push_back(point.projection.x);
    table.y.push_back(point.projection.y);
    table.chain.push_back(point.run);
  }
  add_path_column(table, trajectory, "distance", "", [](const Saved& p) { return p.projection.distance; });
  add_path_column(table, trajectory, "length", "", [](const Saved& p) { return p.projection.length; });
  add_path_column(
      table, trajectory, "run", "", [](const Saved& p) { return p.run; }, ColumnType::count);
  add_path_column(
      table, trajectory, "epoch", "", [](const Saved& p) { return p.epoch; }, ColumnType::count);
  add_path_column(table, trajectory, "learning_rate", "", [](const Saved& p) { return p.learning_rate; });
  if (trajectory.train) {
    add_path_losses(table, trajectory, "train", [](const Saved& p) { return p.truth.train; });
    add_path_losses(table, trajectory, "plane_train", [](const Saved& p) { return p.in_plane.train; });
    table.height = "train_loss";
  }
  if (trajectory.test) {
    add_path_losses(table, trajectory, "test", [](const Saved& p) { return p.truth.test; });
    add_path_losses(table, trajectory, "plane_test", [](const Saved& p) { return p.in_plane.test; });
    if (table.height.empty()) table.height = "test_loss";
  }
  return table;
}

}  // namespace basin
