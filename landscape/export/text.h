// Files of text: comma-separated values, and Wavefront's OBJ.
#pragma once
#include <filesystem>
#include <vector>

#include "landscape/export/point_table.h"

namespace basin {

// RFC 4180 but for lines that end with "\n": a line of names, "train_acc [%]", then a line per point, x and y first
// (lines have no y). Numbers are as short as gives them back exactly; "nan" and "inf" stand for themselves.
void write_csv(const std::filesystem::path& path, const PointTable& table);

// The mesh of the points (x, y, height), z up; gaps are left out. Attributes are comments.
void write_obj(const std::filesystem::path& path, const PointTable& table, const std::vector<double>& heights);

}  // namespace basin
