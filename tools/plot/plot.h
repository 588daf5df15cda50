// basin plot: its flags, and the pictures of each kind of file.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "landscape/trajectory/trajectory_file.h"
#include "tools/plotting/figure.h"

namespace basin {

struct PlotOptions {
  std::vector<std::string> files;
  std::string kind, out, value, levels, title, size, trajectory;
  std::optional<double> clip, min, max;
  std::int64_t columns = 0;
  bool logarithmic = false, keep_script = false, json = false, quiet = false;
};

struct Picture {
  Script script;
  Extent range{};
  std::int64_t points = 0, missing = 0;
  std::string kind;
};

// Surfaces and lines (Li et al. 2018, figures 1 to 6): --kind contour, filled, heatmap, surface or line.
Picture draw_surfaces(const PlotOptions& options, PictureFormat format);
// Maps of the Hessian's extreme eigenvalues (figure 7): --value ratio, max or min.
Picture draw_hessian_maps(const PlotOptions& options, PictureFormat format);
// Spectral densities, one or several in one chart.
Picture draw_densities(const PlotOptions& options, PictureFormat format);
// Paths of training (figure 9) without a surface, and their distance from the plane and losses by epoch.
Picture draw_trajectories(const PlotOptions& options, PictureFormat format);
// Lines and curves between networks in one chart, bands of one standard error around them: --kind overlay.
Picture draw_overlay(const PlotOptions& options, PictureFormat format);
// Weight norms by epoch, or losses and errors, of run folders (figure 2): --kind norms or training.
Picture draw_runs(const PlotOptions& options, PictureFormat format);
// Histograms of the weights of checkpoints (figure 2): --kind histogram.
Picture draw_histograms(const PlotOptions& options, PictureFormat format);

// ---- what they have in common
Size size_of(const PlotOptions& options);
Scale scale_of(const PlotOptions& options);
std::vector<FieldKind> parse_kinds(const std::string& text);
// The given names where they differ from each other and none is empty, else the files' stems, without an
// ending that all of them have (a.surface.h5 and b.surface.h5 are a and b).
std::vector<std::string> distinct_names(const std::vector<std::string>& names, const std::vector<std::string>& files);
// The picture of `charts`, its range and count those of all values; points only mark some of them.
struct Chart;
Picture picture_of(const std::vector<Chart>& charts, const PlotOptions& options, PictureFormat format,
                   const std::string& kind);
// "1st component: 91.8 %", ..., from the variance ratios; α and β where there are none.
std::pair<std::string, std::string> component_labels(const std::vector<double>& variance_ratio);

// The path of each run, its first and last epochs labelled; of several runs each first point with the run's name.
// Where the learning rate fell by half or more after a point, it is marked (figure 9).
std::vector<Path> paths_of(const Trajectory& trajectory);

}  // namespace basin
