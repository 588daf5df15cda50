// What is exported: named values at the points of a plane, along a line, or along a path in a plane.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/shape.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"

namespace basin {

enum class Arrangement : std::uint8_t {
  plane,  // x of the columns, y of the rows; point (row, column) is number row * columns + column
  line,   // x of the points; no y
  path,   // x and y of the points, of one path or several
};

enum class ColumnType : std::uint8_t { real, count, flag };  // f64, i64, u8

struct PointColumn {
  std::string name;            // as in Basin's HDF5 files
  std::string unit;            // "": none, or not known
  std::vector<double> values;  // a value per point; reals are NaN and counts -1 where nothing was computed
  ColumnType type = ColumnType::real;
};

struct PointTable {
  Arrangement arrangement = Arrangement::plane;
  std::vector<double> x, y;
  std::string x_name = "x", y_name = "y";
  std::vector<PointColumn> columns;
  std::vector<std::int64_t> chain;                // of paths: which one a point belongs to; empty: there is one
  std::string height;                             // the column that is usually drawn as height; "": none, they are flat
  std::map<std::string, std::string> attributes;  // of the file that the values come from

  std::size_t size() const { return arrangement == Arrangement::plane ? x.size() * y.size() : x.size(); }
  Shape shape() const;  // (ny, nx) or (points)
  double x_at(std::size_t point) const { return arrangement == Arrangement::plane ? x[point % x.size()] : x[point]; }
  double y_at(std::size_t point) const;                      // 0 on lines
  const PointColumn* find(const std::string& column) const;  // nullptr if there is none
};

// {train,test}_{loss,acc,loss_error,acc_error,nonfinite,valid} of the sets that the surface has.
PointTable point_table(const Surface& surface);
// max_eig, min_eig, their residuals and convergence, eig_ratio = |min_eig / max_eig|, products, valid.
PointTable point_table(const HessianMap& map);
// The smoothed spectral density and its error, along the eigenvalues. Error if the report has none.
PointTable point_table(const HessianReport& report);
// A path per run: distance, length, run, epoch, and the losses and accuracies that the file has, of the checkpoints and
// ("plane_") of their projections. The shares of variance are an attribute, a JSON array.
PointTable point_table(const Trajectory& trajectory);

}  // namespace basin
