// The ends of the Hessian's spectrum over a plane (Li et al. 2018, figure 7), on disk: HDF5.
//
//   xcoordinates f64 (nx) | ycoordinates f64 (ny), two-dimensional maps only
//   max_eig, min_eig f64 (ny, nx), row = y, or (nx): names of the reference tool, whose marks for what was not computed
//   are -1 and 1
//   {max,min}_eig_residual f64, {max,min}_eig_converged u8, valid u8 (1 = computed), products i64: of the same shape
//   attributes of the root: "format" = "basin hessian map 1", and those of HessianMap::attributes
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/hessian/extremes.h"

namespace basin {

// A value per point, in the grid's order (row = y).
struct EigenvalueField {
  std::vector<double> value, residual;
  std::vector<std::uint8_t> converged;
};

struct HessianMap {
  std::vector<double> x;
  std::optional<std::vector<double>> y;  // none: one-dimensional
  EigenvalueField largest, smallest;
  std::vector<std::uint8_t> valid;     // 1 = computed
  std::vector<std::int64_t> products;  // Hessian-vector products at the point
  std::string direction_file;
  std::map<std::string, std::string> attributes;

  HessianMap() = default;
  HessianMap(std::vector<double> x_values, std::optional<std::vector<double>> y_values);  // nothing computed
  std::size_t size() const { return x.size() * (y ? y->size() : 1); }
  // NaN residuals and products of 0 where the spectrum could not be had: a loss that is not finite.
  void set(std::size_t point, const Eigenvalue& largest_found, const Eigenvalue& smallest_found,
           std::int64_t products_made);
  // |smallest / largest| of a point, the paper's measure; NaN where it was not computed.
  double ratio(std::size_t point) const;
};

void write_hessian_map(const std::filesystem::path& path, const HessianMap& map);
// Of Basin, or of the reference tool: surface files with max_eig and min_eig, without residuals (NaN), every value
// taken as converged. Error naming the file, the dataset, what was expected and what was found.
HessianMap read_hessian_map(const std::filesystem::path& path);

}  // namespace basin
