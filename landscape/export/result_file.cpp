#include "landscape/export/result_file.h"

#include <utility>

#include "core/error.h"
#include "landscape/hdf5.h"

namespace basin {
namespace {

std::string format_of(const Hdf5Reader& file) {
  const std::map<std::string, std::string> attributes = file.text_attributes();
  const auto format = attributes.find("format");
  return format == attributes.end() ? "" : format->second;
}

bool has_losses(const Hdf5Reader& file) { return file.contains("train_loss") || file.contains("test_loss"); }
bool has_both_ends(const Hdf5Reader& file) { return file.contains("max_eig") && file.contains("min_eig"); }

PointTable surface_table(const std::filesystem::path& path) {
  PointTable table = point_table(read_surface(path));
  if (!has_eigenvalues(path)) return table;
  PointTable map = point_table(read_hessian_map(path));
  for (PointColumn& column : map.columns) {
    if (column.name == "valid") column.name = "eig_valid";
    table.columns.push_back(std::move(column));
  }
  return table;
}

PointTable density_table(const std::filesystem::path& path) {
  const HessianReport report = read_hessian(path);
  check(report.density.has_value(), "'", path.string(), "' holds no spectral density (basin hessian --density N)");
  return point_table(report);
}

}  // namespace

ResultKind result_kind(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  const std::string format = format_of(file);
  if (format.starts_with("basin hessian map")) return ResultKind::hessian_map;
  if (format.starts_with("basin hessian")) return ResultKind::hessian;
  if (format.starts_with("basin trajectory")) return ResultKind::trajectory;
  if (!format.empty()) return ResultKind::surface;
  if (file.contains("xdirection")) return ResultKind::directions;
  if (file.contains("proj_xcoord")) return ResultKind::trajectory;
  return has_both_ends(file) && !has_losses(file) ? ResultKind::hessian_map : ResultKind::surface;
}

bool is_basin_format(const std::filesystem::path& path) { return !format_of(Hdf5Reader(path)).empty(); }

bool has_eigenvalues(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  return format_of(file).empty() && has_losses(file) && has_both_ends(file);
}

PointTable read_point_table(const std::filesystem::path& path) {
  switch (result_kind(path)) {
    case ResultKind::surface:
      return surface_table(path);
    case ResultKind::hessian_map:
      return point_table(read_hessian_map(path));
    case ResultKind::hessian:
      return density_table(path);
    case ResultKind::trajectory:
      return point_table(read_trajectory(path));
    case ResultKind::directions:
      break;
  }
  fail("'", path.string(), "' holds directions, which have no values at points");
}

}  // namespace basin
