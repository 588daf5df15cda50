#include "landscape/curve/curve_loss.h"

#include "core/autograd.h"
#include "core/backend.h"
#include "models/training/evaluation.h"

namespace basin {

CurveLoss::CurveLoss(const Model& model, const Curve& curve, Objective objective, double weight_decay, DType dtype,
                     Backend& backend)
    : model_(model),
      kind_(curve.kind),
      space_(curve.points.front(), {}, "curve"),
      first_(space_.flatten(curve.points.front(), dtype, backend)),
      last_(space_.flatten(curve.points.back(), dtype, backend)),
      state_(space_.at(curve.points.front(), first_)),
      objective_(objective),
      weight_decay_(weight_decay) {
  check(backend.computes(dtype), "curve: ", backend.name(), " does not compute in ", dtype);
}

Tensors CurveLoss::bends(const Curve& curve) const {
  Tensors bends;
  for (std::size_t k = 1; k + 1 < curve.points.size(); ++k)
    bends.push_back(space_.flatten(curve.points[k], first_.dtype(), first_.backend()));
  return bends;
}

Tensor CurveLoss::at(const Tensors& bends, const std::vector<double>& coefficients) const {
  Tensor theta = scaled(first_, coefficients.front());
  for (std::size_t k = 0; k < bends.size(); ++k)
    if (coefficients[k + 1] != 0) theta = sum_of(theta, coefficients[k + 1], bends[k]);
  return sum_of(theta, coefficients.back(), last_);
}

CurveGradient CurveLoss::value_and_gradient(const Tensors& bends, double t, const CurveBatch& batch) const {
  const std::vector<double> coefficients = curve_coefficients(kind_, bends.size() + 2, t);
  const Tensor theta = at(bends, coefficients);
  State state = space_.at(state_, theta);
  const Tensors leaves = space_.parameters(state);  // before train mode renews the statistics
  const Tensor loss =
      mean(basin::image_losses(forward(model_, state, batch.x, Mode::train), batch.labels, objective_, 0));
  Tensor by_theta = space_.join(gradient(loss, leaves));
  CurveGradient result{loss.item(), {}};
  if (weight_decay_ != 0) {
    const double norm = length(theta);
    result.value += weight_decay_ / 2 * norm * norm;
    by_theta = sum_of(by_theta, weight_decay_, theta);
  }
  for (std::size_t k = 0; k < bends.size(); ++k) result.gradients.push_back(scaled(by_theta, coefficients[k + 1]));
  return result;
}

}  // namespace basin
