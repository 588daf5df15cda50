// Principal components of a path through parameter space, from the inner products of its points alone (Li et al. 2018,
// section 7.1).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace basin {

enum class Centering : bool {
  none,  // the paper: directions of the differences to the final point themselves
  mean,  // the reference tool: sklearn's PCA, which takes the mean of the differences away
};
Centering parse_centering(std::string_view name);  // "none", "mean"; else Error naming --centering
std::string name_of(Centering centering);

// Of rows d_0 ... d_{n-1}. Component k is the unit vector sum_e weights[k][e] d_e.
struct PrincipalComponents {
  std::vector<double> singular_values;           // descending; all n of them
  std::vector<double> variance_ratio;            // sigma_k^2 / sum of all sigma^2
  std::vector<double> explained_variance;        // sigma_k^2 / (n - 1), as sklearn
  std::vector<std::vector<double>> weights;      // (components, n)
  std::vector<std::vector<double>> coordinates;  // (components, n): <d_e, component k>, of the rows as they are
};

// `gram` (n, n) row-major: <d_i, d_j>. Gives `components` of them, or fewer where the rows span fewer dimensions (up to
// rounding, 1e-10 of the largest sigma^2). The sign of each makes its coordinate of largest size positive.
PrincipalComponents principal_components(const std::vector<double>& gram, std::size_t rows, std::size_t components,
                                         Centering centering);

// The variance ratios to expect of the positions of a random walk of `rows - 1` equal, independent steps, relative to
// its last one, in the limit of infinitely many dimensions: the eigenvalues of the expected Gram matrix min(n - 1 - i,
// n - 1 - j), centred or not (Antognini, Sohl-Dickstein 2018, section 3; centred, the ratios tend to 6 / (pi k)^2).
// Exact there; real walks scatter about it by 1 / sqrt(dimensions).
std::vector<double> random_walk_ratios(std::size_t rows, std::size_t components, Centering centering);

}  // namespace basin
