#include "landscape/surface_file.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "landscape/coordinates.h"
#include "landscape/grid.h"
#include "landscape/hdf5.h"

namespace basin {
namespace {

constexpr const char* kFormatAttribute = "format";
constexpr const char* kFormat = "basin surface 1";
constexpr double kNotComputed = -1;
constexpr std::int64_t kNoCount = -1;

Shape shape_of(const Surface& surface) {
  const auto columns = static_cast<std::int64_t>(surface.columns());
  return surface.y ? Shape{static_cast<std::int64_t>(surface.rows()), columns} : Shape{columns};
}

// ---- writing

// The values, with the reference tool's mark wherever nothing was computed.
template <class T>
std::vector<T> marked(const std::vector<T>& values, const std::vector<std::uint8_t>& valid, T mark,
                      const std::string& name) {
  check(values.size() == valid.size(), "surface: ", name, ": expected ", valid.size(), " values, found ",
        values.size());
  std::vector<T> result = values;
  for (std::size_t i = 0; i < result.size(); ++i)
    if (!valid[i]) result[i] = mark;
  return result;
}

void write_values(Hdf5Writer& file, const std::string& set, const SurfaceValues& values, const Shape& shape) {
  check(static_cast<std::int64_t>(values.valid.size()) == shape.count(), "surface: ", set, "_valid: expected ",
        shape.count(), " values, found ", values.valid.size());
  const auto write = [&](const std::string& suffix, const auto& array, auto mark) {
    file.write(set + suffix, marked(array, values.valid, mark, set + suffix), shape);
  };
  write("_loss", values.loss, kNotComputed);
  write("_acc", values.accuracy, kNotComputed);
  write("_loss_error", values.loss_error, kNotComputed);
  write("_acc_error", values.accuracy_error, kNotComputed);
  write("_nonfinite", values.non_finite, kNoCount);
  file.write(set + "_valid", values.valid, shape);
}

// ---- reading

// Absent if the reference tool left the image set out, or allocated it and computed no point.
std::optional<SurfaceValues> read_reference_values(const Hdf5Reader& file, const std::string& set, const Shape& shape) {
  if (!file.contains(set + "_loss") && !file.contains(set + "_acc")) return std::nullopt;
  SurfaceValues values(static_cast<std::size_t>(shape.count()));
  values.loss = file.read<double>(set + "_loss", reference_shape(file, set + "_loss", shape));
  values.accuracy = file.read<double>(set + "_acc", reference_shape(file, set + "_acc", shape));
  for (std::size_t i = 0; i < values.valid.size(); ++i) {
    if (values.loss[i] == kNotComputed || values.accuracy[i] == kNotComputed) continue;
    values.valid[i] = 1;
    values.loss_error[i] = values.accuracy_error[i] = std::numeric_limits<double>::quiet_NaN();
    values.non_finite[i] = 0;
  }
  const bool any = std::find(values.valid.begin(), values.valid.end(), 1) != values.valid.end();
  return any || set == "train" ? std::optional(std::move(values)) : std::nullopt;
}

std::optional<SurfaceValues> read_values(const Hdf5Reader& file, const std::string& set, const Shape& shape) {
  if (!file.contains(set + "_loss")) return std::nullopt;
  SurfaceValues values;
  values.loss = file.read<double>(set + "_loss", shape);
  values.accuracy = file.read<double>(set + "_acc", shape);
  values.loss_error = file.read<double>(set + "_loss_error", shape);
  values.accuracy_error = file.read<double>(set + "_acc_error", shape);
  values.non_finite = file.read<std::int64_t>(set + "_nonfinite", shape);
  values.valid = file.read<std::uint8_t>(set + "_valid", shape);
  for (const std::uint8_t flag : values.valid)
    check(flag <= 1, "'", file.path().string(), "': dataset ", set, "_valid: expected 0 or 1, found ", int{flag});
  return values;
}

// The arrays of each class and their names.
template <class Values, class Action>
void for_class_arrays(const std::string& set, Values& values, const Action& action) {
  action(set + "_class_loss", values.loss);
  action(set + "_class_loss_error", values.loss_error);
  action(set + "_class_acc", values.accuracy);
  action(set + "_class_acc_error", values.accuracy_error);
}

void write_classes(Hdf5Writer& file, const std::string& set, const std::optional<ClassValues>& classes, Shape shape) {
  if (!classes) return;
  shape.insert(shape.begin(), static_cast<std::int64_t>(classes->loss.size()) / shape.count());
  for_class_arrays(set, *classes, [&](const std::string& name, const std::vector<double>& values) {
    file.write(name, values, shape);
  });
}

std::optional<ClassValues> read_classes(const Hdf5Reader& file, const std::string& set, const Shape& shape) {
  if (!file.contains(set + "_class_loss")) return std::nullopt;
  const Shape found = file.shape(set + "_class_loss");
  Shape expected = shape;
  expected.insert(expected.begin(), found.empty() ? 0 : found[0]);
  ClassValues classes;
  for_class_arrays(set, classes, [&](const std::string& name, std::vector<double>& values) {
    values = file.read<double>(name, expected);
  });
  return classes;
}

}  // namespace

ClassValues::ClassValues(std::size_t classes, std::size_t points)
    : loss(classes * points, std::numeric_limits<double>::quiet_NaN()),
      loss_error(loss),
      accuracy(loss),
      accuracy_error(loss) {}

void ClassValues::set(std::size_t point, std::size_t points, const std::vector<Measurement>& classes) {
  for (std::size_t c = 0; c < classes.size(); ++c) {
    loss.at(c * points + point) = classes[c].loss;
    loss_error.at(c * points + point) = classes[c].loss_error;
    accuracy.at(c * points + point) = classes[c].accuracy;
    accuracy_error.at(c * points + point) = classes[c].accuracy_error;
  }
}

SurfaceValues::SurfaceValues(std::size_t points)
    : loss(points, kNotComputed),
      accuracy(points, kNotComputed),
      loss_error(points, kNotComputed),
      accuracy_error(points, kNotComputed),
      non_finite(points, kNoCount),
      valid(points, 0) {}

void SurfaceValues::set(std::size_t point, const Measurement& measurement) {
  loss.at(point) = measurement.loss;
  accuracy.at(point) = measurement.accuracy;
  loss_error.at(point) = measurement.loss_error;
  accuracy_error.at(point) = measurement.accuracy_error;
  non_finite.at(point) = measurement.non_finite;
  valid.at(point) = 1;
}

void write_surface(const std::filesystem::path& path, const Surface& surface) {
  Hdf5Writer file(path);
  file.write_attribute(kFormatAttribute, kFormat);
  for (const auto& [name, text] : surface.attributes) file.write_attribute(name, text);
  file.write_text("dir_file", surface.direction_file);
  file.write("xcoordinates", surface.x, {static_cast<std::int64_t>(surface.columns())});
  if (surface.y) file.write("ycoordinates", *surface.y, {static_cast<std::int64_t>(surface.rows())});
  if (surface.train) write_values(file, "train", *surface.train, shape_of(surface));
  if (surface.test) write_values(file, "test", *surface.test, shape_of(surface));
  write_classes(file, "train", surface.train_classes, shape_of(surface));
  write_classes(file, "test", surface.test_classes, shape_of(surface));
  for (const auto& [name, values] : surface.further) file.write(name, values, shape_of(surface));
  file.save();
}

Surface read_surface(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  Surface surface;
  surface.attributes = file.text_attributes();
  const auto format = surface.attributes.extract(kFormatAttribute);
  const bool ours = !format.empty();
  check(!ours || format.mapped() == kFormat, "'", path.string(), "': attribute format: expected '", kFormat,
        "', found '", ours ? format.mapped() : "", "'");

  surface.direction_file = file.read_text("dir_file").value_or("");
  surface.x = read_coordinates(file, "xcoordinates");
  if (file.contains("ycoordinates")) surface.y = read_coordinates(file, "ycoordinates");
  check(surface.size() <= static_cast<std::size_t>(kMaxGridPoints), "'", path.string(), "': a surface of ",
        surface.columns(), " x ", surface.rows(), " points: expected at most ", kMaxGridPoints);

  const auto read = ours ? read_values : read_reference_values;
  surface.train = read(file, "train", shape_of(surface));
  surface.test = read(file, "test", shape_of(surface));
  if (ours) {
    surface.train_classes = read_classes(file, "train", shape_of(surface));
    surface.test_classes = read_classes(file, "test", shape_of(surface));
  }
  for (const char* set : {"train", "test"})
    for (const char* end : {"sd", "min", "q10", "median", "q90", "max", "filled"})
      if (const std::string name = std::string(set) + "_loss_" + end; ours && file.contains(name))
        surface.further[name] = file.read<double>(name, shape_of(surface));
  check(surface.train || surface.test, "'", path.string(), "': expected train_loss or test_loss, found neither");
  return surface;
}

}  // namespace basin
