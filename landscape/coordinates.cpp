#include "landscape/coordinates.h"

#include <cmath>

#include "core/error.h"
#include "landscape/grid.h"

namespace basin {

std::vector<double> read_coordinates(const Hdf5Reader& file, const std::string& name) {
  const Shape shape = file.shape(name);
  check(shape.size() == 1 && shape[0] >= 1 && shape[0] <= kMaxRangePoints, "'", file.path().string(), "': dataset ",
        name, ": expected 1 to ", kMaxRangePoints, " values in one dimension, found shape ", shape);
  std::vector<double> values = file.read<double>(name, shape);
  for (const double value : values)
    check(std::isfinite(value), "'", file.path().string(), "': dataset ", name, ": expected finite values, found ",
          value);
  return values;
}

Shape reference_shape(const Hdf5Reader& file, const std::string& name, const Shape& expected) {
  const Shape found = file.shape(name);
  return found == Shape(expected.rbegin(), expected.rend()) ? found : expected;
}

}  // namespace basin
