// One surface of several along different directions.
#pragma once
#include <vector>

#include "landscape/metrics/surface_metrics.h"
#include "landscape/surface_file.h"

namespace basin {

// The mean over the surfaces, point by point: loss and accuracy, their standard errors over the surfaces (of two or
// more; the error of the images is part of the spread only as far as it differs), and in `further` the standard
// deviation, least, 10 %, 50 %, 90 % (linear between ranks) and largest loss. A point is valid where it is in all.
// Error where grids or image sets differ.
Surface mean_surface(const std::vector<Surface>& pairs);

// The mean of each metric over the surfaces and its standard error; infinite where one of them is.
std::vector<Metric> mean_metrics(const std::vector<std::vector<Metric>>& pairs);

}  // namespace basin
