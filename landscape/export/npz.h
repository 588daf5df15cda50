// NumPy's archives: numpy.load(path) gives the arrays by name.
#pragma once
#include <filesystem>

#include "landscape/export/point_table.h"

namespace basin {

// xcoordinates f8 (nx), ycoordinates f8 (ny) of planes; of lines the first alone; of paths one of each per point. Other
// tables have their own names: proj_xcoord and proj_ycoord, eigenvalue.
// Every column: f8, i8 or u1 of the table's shape, (ny, nx) with row = y. Attributes: byte strings (S) of no
// dimension, UTF-8; an attribute with the name of an array is an Error. Equal tables give equal bytes.
void write_npz(const std::filesystem::path& path, const PointTable& table);

}  // namespace basin
