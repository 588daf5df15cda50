// What is known of the Hessian at one point, on disk: HDF5.
//
//   largest, smallest f64 (k): eigenvalues from the ends of the spectrum inwards; either may be absent
//   {largest,smallest}_residual f64 (k): an eigenvalue lies within it; _sampling_error f64 (k): the standard error from
//   the spread of v . H v between blocks of images; _converged u8 (k)
//   trace f64 (2): value and standard error over the random vectors; trace_samples f64 (m): of the part that they
//   estimate; trace_range f64 (1): the part known exactly (0 for Hutchinson's estimate)
//   density_nodes, density_weights f64 (probes, steps): Gauss quadrature of each random start, NaN beyond its last
//   density_at, density, density_error f64 (points) and density_width f64 (1): the smoothed spectral density, of
//   integral 1
//   attributes of the root: "format" = "basin hessian 1", and those of HessianReport::attributes
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "landscape/hessian/density.h"
#include "landscape/hessian/extremes.h"

namespace basin {

struct MeasuredEigenvalue {
  Eigenvalue numerical;       // of the Hessian over the given images
  double sampling_error = 0;  // from images to the distribution they are drawn from; NaN where one block cannot tell
};

struct TraceReport {
  double range = 0;             // exact part
  std::vector<double> samples;  // of the rest; may be empty where nothing is left
  Estimate estimate() const;    // range + mean of the samples
};

struct HessianReport {
  std::vector<MeasuredEigenvalue> largest, smallest;
  std::optional<TraceReport> trace;
  std::vector<Quadrature> probes;  // empty: no density
  std::optional<Density> density;
  std::map<std::string, std::string> attributes;  // configuration (JSON), model, checkpoint, version, ...
};

// Replaces the file at `path` atomically; equal reports give equal bytes.
void write_hessian(const std::filesystem::path& path, const HessianReport& report);
// Error naming the file, the dataset, what was expected and what was found.
HessianReport read_hessian(const std::filesystem::path& path);

}  // namespace basin
