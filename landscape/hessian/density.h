// The spectral density of a symmetric operator by stochastic Lanczos quadrature: phi(t) = 1/n sum_i delta(t -
// lambda_i), seen through Gaussians (Lin, Saad, Yang 2016, section 3.2; Ghorbani, Krishnan, Xiao 2019, algorithm 1).
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "landscape/estimate.h"
#include "landscape/hessian/lanczos.h"
#include "landscape/hessian/probes.h"

namespace basin {

// Gauss quadrature of one random start: the mean of f over the spectrum, seen from it, is about sum_k weights[k]
// f(nodes[k]). Weights sum to 1. Exact for polynomials f of degree 2 steps - 1.
struct Quadrature {
  std::vector<double> nodes, weights;
};

// From normal probe `index`; fewer nodes than `steps` where the Krylov space is smaller. product_done() follows each
// product; it may be empty.
Quadrature density_quadrature(const SymmetricOperator& apply, const VectorType& type, std::int64_t steps,
                              std::uint64_t seed, std::uint64_t index, const std::function<void()>& product_done = {});

// 1/n tr(A^power), with its standard error over the probes; exact in expectation for power < 2 steps.
Estimate spectral_moment(const std::vector<Quadrature>& probes, int power);

struct Density {
  std::vector<double> at;              // eigenvalues, ascending
  std::vector<double> density, error;  // the mean over the probes and its standard error, per unit of eigenvalue
  double width = 0;                    // standard deviation of the Gaussians
};

// At `points` places that span all nodes and four widths beyond. `width` > 0.
Density spectral_density(const std::vector<Quadrature>& probes, std::int64_t points, double width);
// A hundredth of the span of the nodes; 1 where they are all alike.
double usual_width(const std::vector<Quadrature>& probes);

}  // namespace basin
