#include "landscape/hessian/extremes.h"

#include <algorithm>
#include <cmath>

#include "landscape/parameter_space.h"

namespace basin {
namespace {

// Index of the Ritz value in place `rank` from the end.
std::size_t from_top(const std::vector<RitzValue>& ritz, std::size_t rank) { return ritz.size() - 1 - rank; }

double scale_of(const std::vector<RitzValue>& ritz) {
  return std::max(std::abs(ritz.front().value), std::abs(ritz.back().value));
}

Eigenvalue eigenvalue(const std::vector<RitzValue>& ritz, std::size_t index, double tolerance) {
  const RitzValue& r = ritz[index];
  return {r.value, r.residual, r.residual <= tolerance * scale_of(ritz)};
}

// By a product with the unit vector y.
Eigenvalue measured(const SymmetricOperator& apply, const Tensor& y, double limit) {
  const Tensor product = apply(y);
  const double value = inner_product(y, product), residual = length(sum_of(product, -value, y));
  return {value, residual, residual <= limit};
}

bool satisfied(const std::vector<RitzValue>& ritz, const ExtremesOptions& options) {
  const auto wanted = static_cast<std::size_t>(options.largest + options.smallest);
  if (ritz.size() < 2 * wanted + 8) return false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.largest); ++i)
    if (!eigenvalue(ritz, from_top(ritz, i), options.tolerance).converged) return false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(options.smallest); ++i)
    if (!eigenvalue(ritz, i, options.tolerance).converged) return false;
  return true;
}

}  // namespace

bool Extremes::converged() const {
  const auto good = [](const Eigenvalue& e) { return e.converged; };
  return std::all_of(largest.begin(), largest.end(), good) && std::all_of(smallest.begin(), smallest.end(), good);
}

Extremes extremes(const SymmetricOperator& apply, const VectorType& type, const ExtremesOptions& options,
                  bool vectors) {
  check(options.largest >= 0 && options.smallest >= 0 && options.largest + options.smallest > 0,
        "extremes: ", options.largest, " largest and ", options.smallest, " smallest eigenvalues");
  Lanczos lanczos(apply, normal_probe(type, options.seed, "lanczos", 0), options.products);
  std::vector<RitzValue> ritz;
  while (lanczos.step()) {
    ritz = lanczos.ritz();
    if (options.watch && options.watch(lanczos.steps(), ritz)) break;
    if (satisfied(ritz, options)) break;
  }
  Extremes result;
  result.products = lanczos.steps();
  const auto add = [&](std::size_t index, std::vector<Eigenvalue>& values, std::vector<Tensor>& vectors_found) {
    values.push_back(eigenvalue(ritz, index, options.tolerance));
    if (!vectors) return;
    vectors_found.push_back(lanczos.vector(index));
    values.back() = measured(apply, vectors_found.back(), options.tolerance * scale_of(ritz));
  };
  for (std::size_t i = 0; i < std::min(ritz.size(), static_cast<std::size_t>(options.largest)); ++i)
    add(from_top(ritz, i), result.largest, result.largest_vectors);
  for (std::size_t i = 0; i < std::min(ritz.size(), static_cast<std::size_t>(options.smallest)); ++i)
    add(i, result.smallest, result.smallest_vectors);
  return result;
}

}  // namespace basin
