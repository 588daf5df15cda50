#include "cuda/grid/generic/point_contraction.cuh"

// contraction_kernel (cuda/kernels/contraction/contraction.cuh) with a group of a point a layer: M = images P Q,
// N = K / groups, K = R S C / groups.
namespace basin::cuda {

void contract_points_f32(Stream stream, const PointContraction& contraction, const PointOperands& operands) {
  contract_points_as<float, float>(stream, contraction, operands);
}

}  // namespace basin::cuda
