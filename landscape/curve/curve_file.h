// Curves on disk: a surface file with one axis (landscape/surface_file.h), xcoordinates = t from 0 to 1, so that all
// that draws a line draws a curve; and an attribute of the root,
//
//   "curve"  JSON: kind; bends (how many), bend_files; arc_length (array, from t = 0 to each t); straight_length;
//            train, test: {loss_barrier, error_barrier: {height, error, t}}, of the error in percentage points
//
// Numbers that are not finite are texts there: "nan", "inf", "-inf".
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "landscape/curve/barrier.h"
#include "landscape/curve/curve.h"
#include "landscape/surface_file.h"

namespace basin {

inline constexpr std::int64_t kMaxCurvePoints = 1001;  // attributes are short

struct CurveBarriers {
  Barrier loss;
  Barrier error;  // of the classification error, in percentage points
};

struct CurveFile {
  CurveKind kind = CurveKind::linear;
  std::vector<std::string> bend_files;  // checkpoints beside the curve, in the order of the bends
  std::vector<double> arc_length;       // a value per t
  double straight_length = 0;
  std::optional<CurveBarriers> train, test;
  Surface surface;

  double length() const { return arc_length.back(); }
};

// Replaces the file at `path` atomically; equal curves give equal bytes.
void write_curve(const std::filesystem::path& path, const CurveFile& curve);
bool is_curve(const Surface& surface);
// Error naming the file, the field, what was expected and what was found.
CurveFile read_curve(const std::filesystem::path& path);

}  // namespace basin
