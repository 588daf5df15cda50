// VTK's XML files, as ParaView opens them (The VTK User's Guide, 11th edition, "VTK File Formats"): version 1.0,
// little-endian, arrays inline in base64 after a u64 of their bytes. Points are (x, y, height); on lines y is 0. Every
// column is an array at the points; attributes are text arrays of the data set.
#pragma once
#include <filesystem>
#include <vector>

#include "landscape/export/point_table.h"

namespace basin {

// A structured grid (.vts) of a plane. Points without a finite height (NaN in `heights`) keep their place, at the
// lowest height, and are hidden: vtkGhostType = 2. Error if the table is no plane.
void write_vts(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights);

// Polygons of a plane, or the chain of a line or path (.vtp), without the gaps.
void write_vtp(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights);

}  // namespace basin
