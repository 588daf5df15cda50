// A quadric through the losses around the centre of a surface.
#pragma once
#include "landscape/estimate.h"
#include "landscape/metrics/grid_losses.h"

namespace basin {

struct Quadric {
  Estimate curvature_max, curvature_min;  // eigenvalues of its Hessian; errors of the fit. A line has one: both are it
  double relative_residual = 0;           // rms residual / standard deviation of the losses
  std::size_t points = 0;
};

// Least squares of c + g . p + p . H p / 2 over the points with a loss of at most `level`, at least `least` of them,
// the lowest ones. NaN throughout where there are not more points than unknowns. Errors: from the covariance of the
// coefficients, by the rms residual, to first order in H.
Quadric fit_quadric(const GridLosses2d& grid, double level, std::size_t least);

}  // namespace basin
