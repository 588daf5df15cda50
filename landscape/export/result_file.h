// What an HDF5 file of results holds, of Basin or of the reference tool.
#pragma once
#include <filesystem>

#include "landscape/export/point_table.h"

namespace basin {

enum class ResultKind : std::uint8_t { surface, hessian_map, hessian, trajectory, directions };

// By the attribute "format"; where there is none, as in files of the reference tool, by the names of the datasets:
// directions, projections (proj_xcoord), eigenvalues without losses (max_eig); anything else is taken for a surface,
// whose reader says what is missing.
ResultKind result_kind(const std::filesystem::path& path);

// Was it written by Basin?
bool is_basin_format(const std::filesystem::path& path);
// Eigenvalues beside the losses of a surface, as the reference tool keeps them?
bool has_eigenvalues(const std::filesystem::path& path);

// The values at the points, whatever kind the file is of; those of has_eigenvalues come after the losses. Error for
// directions, which have no points, and for files that their reader refuses.
PointTable read_point_table(const std::filesystem::path& path);

}  // namespace basin
