#include "cuda/grid/generic/point_contraction.cuh"

// contraction_kernel (cuda/kernels/contraction/contraction.cuh) with a group of a point a layer: M = images P Q,
// N = K / groups, K = R S C / groups.
namespace basin::cuda {

void contract_points_bf16(Stream stream, const PointContraction& contraction, const PointOperands& operands) {
  if (operands.y.dtype == DType::f32)
    contract_points_as<bfloat16, float>(stream, contraction, operands);
  else
    contract_points_as<bfloat16, bfloat16>(stream, contraction, operands);
}

}  // namespace basin::cuda
