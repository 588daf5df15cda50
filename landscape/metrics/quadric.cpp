#include "landscape/metrics/quadric.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

namespace basin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Sample {
  double x, y, loss;
};

std::vector<Sample> lowest(const GridLosses2d& grid, double level, std::size_t least) {
  std::vector<Sample> samples;
  for (std::size_t r = 0; r < grid.rows(); ++r)
    for (std::size_t c = 0; c < grid.columns(); ++c)
      if (std::isfinite(grid.at(r, c)))
        samples.push_back({grid.x[c] - grid.x[grid.center_column], grid.y[r] - grid.y[grid.center_row], grid.at(r, c)});
  std::stable_sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.loss < b.loss; });
  const auto end = std::find_if(samples.begin(), samples.end(), [&](const Sample& s) { return s.loss > level; });
  samples.resize(std::min(samples.size(), std::max(least, static_cast<std::size_t>(end - samples.begin()))));
  return samples;
}

// Of the Hessian [[a, b], [b, d]] with the covariance of (a, b, d): the eigenvalue along the unit vector (u, v).
Estimate eigenvalue_along(double u, double v, const Eigen::Vector3d& h, const Eigen::Matrix3d& covariance) {
  const Eigen::Vector3d slope(u * u, 2 * u * v, v * v);
  return {slope.dot(h), std::sqrt(slope.dot(covariance * slope))};
}

}  // namespace

Quadric fit_quadric(const GridLosses2d& grid, double level, std::size_t least) {
  const std::vector<Sample> samples = lowest(grid, level, least);
  const bool line = grid.rows() == 1;
  const auto n = static_cast<Eigen::Index>(samples.size());
  const Eigen::Index unknowns = line ? 3 : 6;
  Quadric result{{kNaN, kNaN}, {kNaN, kNaN}, kNaN, samples.size()};
  if (n <= unknowns) return result;
  Eigen::MatrixXd a(n, unknowns);
  Eigen::VectorXd b(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const Sample& s = samples[static_cast<std::size_t>(i)];
    b(i) = s.loss;
    if (line)
      a.row(i) << 1, s.x, s.x * s.x / 2;
    else
      a.row(i) << 1, s.x, s.y, s.x * s.x / 2, s.x * s.y, s.y * s.y / 2;
  }
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(a);
  if (qr.rank() < unknowns) return result;  // all on a line, say
  const Eigen::VectorXd fit = qr.solve(b);
  const double squares = (a * fit - b).squaredNorm();
  const double deviations = (b.array() - b.mean()).square().sum();
  result.relative_residual = deviations > 0 ? std::sqrt(squares / deviations) : 0;
  const Eigen::MatrixXd covariance = (a.transpose() * a).inverse() * (squares / static_cast<double>(n - unknowns));
  if (line) {
    result.curvature_max = result.curvature_min = {fit(2), std::sqrt(covariance(2, 2))};
    return result;
  }
  const Eigen::Vector3d h = fit.tail<3>();
  const Eigen::Matrix3d of_h = covariance.bottomRightCorner<3, 3>();
  Eigen::Matrix2d hessian;
  hessian << h(0), h(1), h(1), h(2);
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix2d> eigen(hessian);
  const auto along = [&](int k) {
    return eigenvalue_along(eigen.eigenvectors()(0, k), eigen.eigenvectors()(1, k), h, of_h);
  };
  result.curvature_min = along(0);
  result.curvature_max = along(1);
  return result;
}

}  // namespace basin
