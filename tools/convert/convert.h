// basin convert: its flags, and what it makes of each kind of file.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "landscape/export/point_table.h"
#include "tools/plotting/scale.h"

namespace basin {

struct ConvertOptions {
  std::string file, out;
  std::string value, levels;
  std::optional<double> clip, height_scale;
  bool logarithmic = false;
  std::string at, directions, model;  // of a network moved in its plane
  bool json = false, quiet = false;
};

// The network `options.file` at the point `options.at` of the plane of `options.directions`, saved as a checkpoint
// whose metadata say where it comes from ("moved", JSON) and no longer how good the network was. Error if the
// directions do not fit it.
void save_moved(const ConvertOptions& options);

// The lines on which `column` of a plane takes each of the levels: a path per line, with the level as the value of its
// points. Lines are straight within a cell, and cells with a gap at a corner have none.
PointTable contour_table(const PointTable& table, const PointColumn& column, const Scale& scale, const Levels& levels);

}  // namespace basin
