// The loss of the network at one t of a curve, and its gradient by the curve's bends.
#pragma once
#include "core/objective.h"
#include "landscape/curve/curve.h"
#include "landscape/parameter_space.h"
#include "models/registry.h"

namespace basin {

struct CurveBatch {
  Tensor x;       // (n, H, W, C), of the bends' dtype
  Tensor labels;  // i32 (n)
};

struct CurveGradient {
  double value = 0;   // with the weight-decay term
  Tensors gradients;  // one (n) for each bend
};

class CurveLoss {
 public:
  // `curve` gives the kind and the ends; points are vectors of `dtype` on `backend`. The loss is the batch's mean in
  // train mode (batch norm by the batch's statistics) and weight_decay / 2 * |theta(t)|^2, as in the published code of
  // Garipov et al. 2018. `model` outlives it.
  CurveLoss(const Model& model, const Curve& curve, Objective objective, double weight_decay, DType dtype,
            Backend& backend);

  const ParameterSpace& space() const { return space_; }
  Tensors bends(const Curve& curve) const;  // those of a curve like the constructor's, as vectors of their own storage
  // theta(t) = sum_k c_k(t) p_k, so that dL/dp_k = c_k(t) dL/dtheta (Garipov et al. 2018, section 3.1).
  CurveGradient value_and_gradient(const Tensors& bends, double t, const CurveBatch& batch) const;

 private:
  Tensor at(const Tensors& bends, const std::vector<double>& coefficients) const;

  const Model& model_;
  CurveKind kind_;
  ParameterSpace space_;
  Tensor first_, last_;
  State state_;  // whose statistics take the place of those that train mode does not use
  Objective objective_;
  double weight_decay_;
};

}  // namespace basin
