// The coordinates of planes and lines in files, as the reference tool has them too.
#pragma once
#include <string>
#include <vector>

#include "landscape/hdf5.h"

namespace basin {

// The finite values of a one-dimensional dataset, 1 to kMaxRangePoints of them; else Error.
std::vector<double> read_coordinates(const Hdf5Reader& file, const std::string& name);

// The shape in which to read a dataset of (ny, nx) values, row = y: the reference tool declares (nx, ny) but fills the
// memory row by row with row = y, so the declared order of a two-dimensional array does not matter.
Shape reference_shape(const Hdf5Reader& file, const std::string& name, const Shape& expected);

}  // namespace basin
