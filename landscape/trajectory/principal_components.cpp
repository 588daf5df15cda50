#include "landscape/trajectory/principal_components.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "core/choice.h"

namespace basin {
namespace {

constexpr Choice<Centering> kCenterings[] = {{"none", Centering::none}, {"mean", Centering::mean}};
constexpr double kNothing = 1e-10;  // of the largest eigenvalue

using Matrix = Eigen::MatrixXd;

// J G J for J = I - 1 1^T / n: the inner products of the rows less their mean.
Matrix centered(const Matrix& gram, Centering centering) {
  if (centering == Centering::none) return gram;
  const Eigen::VectorXd means = gram.rowwise().mean();
  Matrix result = gram;
  result.colwise() -= means;
  result.rowwise() -= means.transpose();
  result.array() += means.mean();
  return result;
}

}  // namespace

Centering parse_centering(std::string_view name) { return parse_choice("--centering", name, kCenterings); }
std::string name_of(Centering centering) { return choice_name(centering, kCenterings); }

PrincipalComponents principal_components(const std::vector<double>& gram, std::size_t rows, std::size_t components,
                                         Centering centering) {
  check(rows >= 2, "principal components: expected at least 2 points, found ", rows);
  check(gram.size() == rows * rows, "principal components: ", gram.size(), " inner products of ", rows, " points");
  const auto n = static_cast<Eigen::Index>(rows);
  const Matrix given = Eigen::Map<const Matrix>(gram.data(), n, n);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(centered(given, centering));
  check(eigen.info() == Eigen::Success && std::isfinite(eigen.eigenvalues().sum()),
        "principal components: the inner products of the points are not finite");
  const double all = eigen.eigenvalues().cwiseMax(0).sum(), largest = eigen.eigenvalues()(n - 1);
  PrincipalComponents result;
  for (Eigen::Index k = 0; k < n; ++k) {
    const double square = std::max(eigen.eigenvalues()(n - 1 - k), 0.0);
    result.singular_values.push_back(std::sqrt(square));
    result.variance_ratio.push_back(all > 0 ? square / all : 0);
    result.explained_variance.push_back(square / static_cast<double>(rows - 1));
    if (static_cast<std::size_t>(k) >= components || !(square > kNothing * largest)) continue;
    Eigen::VectorXd weights = eigen.eigenvectors().col(n - 1 - k) / std::sqrt(square);
    if (centering == Centering::mean) weights.array() -= weights.mean();  // J again: rounding
    Eigen::VectorXd coordinates = given * weights;
    const double most = coordinates.maxCoeff(), least = coordinates.minCoeff();
    if (-least > most) {
      weights = -weights;
      coordinates = -coordinates;
    }
    result.weights.emplace_back(weights.data(), weights.data() + n);
    result.coordinates.emplace_back(coordinates.data(), coordinates.data() + n);
  }
  return result;
}

std::vector<double> random_walk_ratios(std::size_t rows, std::size_t components, Centering centering) {
  std::vector<double> gram(rows * rows);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < rows; ++j) gram[i * rows + j] = static_cast<double>(rows - 1 - std::max(i, j));
  std::vector<double> ratios = principal_components(gram, rows, 0, centering).variance_ratio;
  ratios.resize(std::min(components, ratios.size()));
  return ratios;
}

}  // namespace basin
