#include "landscape/hessian/map_file.h"

#include <cmath>
#include <limits>

#include "landscape/coordinates.h"
#include "landscape/grid.h"
#include "landscape/hdf5.h"

namespace basin {
namespace {

constexpr const char* kFormatAttribute = "format";
constexpr const char* kFormat = "basin hessian map 1";
constexpr double kNoLargest = -1, kNoSmallest = 1;  // the reference tool's marks

Shape shape_of(const HessianMap& map) {
  const auto columns = static_cast<std::int64_t>(map.x.size());
  return map.y ? Shape{static_cast<std::int64_t>(map.y->size()), columns} : Shape{columns};
}

EigenvalueField empty_field(std::size_t points, double mark) {
  return {std::vector<double>(points, mark), std::vector<double>(points, std::numeric_limits<double>::quiet_NaN()),
          std::vector<std::uint8_t>(points, 0)};
}

void set_value(EigenvalueField& field, std::size_t point, const Eigenvalue& found) {
  field.value.at(point) = found.value;
  field.residual.at(point) = found.residual;
  field.converged.at(point) = found.converged ? 1 : 0;
}

void write_field(Hdf5Writer& file, const std::string& name, const EigenvalueField& field, const Shape& shape) {
  file.write(name, field.value, shape);
  file.write(name + "_residual", field.residual, shape);
  file.write(name + "_converged", field.converged, shape);
}

EigenvalueField read_field(const Hdf5Reader& file, const std::string& name, const Shape& shape) {
  return {file.read<double>(name, shape), file.read<double>(name + "_residual", shape),
          file.read<std::uint8_t>(name + "_converged", shape)};
}

void read_reference(const Hdf5Reader& file, HessianMap& map) {
  const Shape shape = shape_of(map);
  map.largest.value = file.read<double>("max_eig", reference_shape(file, "max_eig", shape));
  map.smallest.value = file.read<double>("min_eig", reference_shape(file, "min_eig", shape));
  for (std::size_t i = 0; i < map.size(); ++i)
    map.valid[i] = map.largest.converged[i] = map.smallest.converged[i] =
        map.largest.value[i] != kNoLargest || map.smallest.value[i] != kNoSmallest ? 1 : 0;
}

}  // namespace

HessianMap::HessianMap(std::vector<double> x_values, std::optional<std::vector<double>> y_values)
    : x(std::move(x_values)),
      y(std::move(y_values)),
      largest(empty_field(size(), kNoLargest)),
      smallest(empty_field(size(), kNoSmallest)),
      valid(size(), 0),
      products(size(), 0) {}

void HessianMap::set(std::size_t point, const Eigenvalue& largest_found, const Eigenvalue& smallest_found,
                     std::int64_t products_made) {
  set_value(largest, point, largest_found);
  set_value(smallest, point, smallest_found);
  products.at(point) = products_made;
  valid.at(point) = 1;
}

double HessianMap::ratio(std::size_t point) const {
  if (valid.at(point) == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::abs(smallest.value[point] / largest.value[point]);
}

void write_hessian_map(const std::filesystem::path& path, const HessianMap& map) {
  Hdf5Writer file(path);
  file.write_attribute(kFormatAttribute, kFormat);
  for (const auto& [name, text] : map.attributes) file.write_attribute(name, text);
  file.write_text("dir_file", map.direction_file);
  file.write("xcoordinates", map.x, {static_cast<std::int64_t>(map.x.size())});
  if (map.y) file.write("ycoordinates", *map.y, {static_cast<std::int64_t>(map.y->size())});
  const Shape shape = shape_of(map);
  write_field(file, "max_eig", map.largest, shape);
  write_field(file, "min_eig", map.smallest, shape);
  file.write("valid", map.valid, shape);
  file.write("products", map.products, shape);
  file.save();
}

HessianMap read_hessian_map(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  std::map<std::string, std::string> attributes = file.text_attributes();
  const auto format = attributes.extract(kFormatAttribute);
  const bool ours = !format.empty();
  check(!ours || format.mapped() == kFormat, "'", path.string(), "': attribute format: expected '", kFormat,
        "', found '", ours ? format.mapped() : "", "'");
  std::vector<double> x = read_coordinates(file, "xcoordinates");
  std::optional<std::vector<double>> y;
  if (file.contains("ycoordinates")) y = read_coordinates(file, "ycoordinates");
  check(x.size() * (y ? y->size() : 1) <= static_cast<std::size_t>(kMaxGridPoints), "'", path.string(),
        "': expected at most ", kMaxGridPoints, " points");
  HessianMap map(std::move(x), std::move(y));
  map.attributes = std::move(attributes);
  map.direction_file = file.read_text("dir_file").value_or("");
  if (!ours) {
    read_reference(file, map);
    return map;
  }
  const Shape shape = shape_of(map);
  map.largest = read_field(file, "max_eig", shape);
  map.smallest = read_field(file, "min_eig", shape);
  map.valid = file.read<std::uint8_t>("valid", shape);
  map.products = file.read<std::int64_t>("products", shape);
  return map;
}

}  // namespace basin
