#include "core/operations/common.h"

namespace basin {
namespace {

std::vector<int> leading_axes(const Tensor& x) {
  std::vector<int> axes;
  for (int axis = 0; axis + 1 < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

Tensor with_residual(const Tensor& y, const Tensors& inputs, std::size_t residual, bool apply_relu) {
  const Tensor total = inputs.size() > residual ? y + inputs[residual] : y;
  return apply_relu ? relu(total) : total;
}

// inputs: x, gamma, beta[, residual]
Tensor batch_norm_definition(const Tensors& in, const BatchNorm& options) {
  const Tensor& x = in[0];
  const Tensor centered = x - mean(x, leading_axes(x));
  const Tensor variance = mean(centered * centered, leading_axes(x));
  const Tensor normalized = centered / sqrt(variance + options.epsilon);
  return with_residual(normalized * in[1] + in[2], in, 3, options.relu);
}

struct BatchNormGradients {
  Tensor x, gamma, beta, residual;
};

// The fused first derivative. As an operation of its own each gradient would need three rules; instead the kernel runs
// where no further derivative is wanted, and the composed definition where one is.
BatchNormGradients fused_gradients(const Pullback& p, const BatchNorm& options, const Tensor& batch_mean,
                                   const Tensor& batch_variance) {
  const Tensor &x = p.inputs[0], &gamma = p.inputs[1];
  BatchNormGradients g{empty_like(x), empty_like(gamma), empty_like(gamma), {}};
  View residual;
  if (p.inputs.size() > 3) {
    g.residual = empty_like(x);
    residual = g.residual.mutable_view();
  }
  x.backend().batch_norm_gradient(x.view(), p.output.view(), gamma.view(), batch_mean.view(), batch_variance.view(),
                                  p.grad_output.view(), options, g.x.mutable_view(), g.gamma.mutable_view(),
                                  g.beta.mutable_view(), g.residual.defined() ? &residual : nullptr);
  return g;
}

void check_residual(const char* operation, const Tensor& residual, const Tensor& x) {
  if (!residual.defined()) return;
  check(residual.shape() == x.shape(), operation, ": residual ", residual.shape(), " does not fit input ", x.shape());
  check_alike(operation, residual, x);
}

Tensors with_optional(Tensors inputs, const Tensor& residual) {
  if (residual.defined()) inputs.push_back(residual);
  return inputs;
}

}  // namespace

Tensor channel_affine(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual,
                      const ChannelAffine& options) {
  check_floating("channel_affine", x);
  check_channels("channel_affine", "scale", scale, x);
  check_channels("channel_affine", "shift", shift, x);
  check_residual("channel_affine", residual, x);
  Tensor y = empty_like(x);
  const ConstView added = residual.defined() ? residual.view() : ConstView{};
  x.backend().channel_affine(x.view(), scale.view(), shift.view(), residual.defined() ? &added : nullptr, options.relu,
                             y.mutable_view());
  return record("channel_affine", y, with_optional({x, scale, shift}, residual), vjp_of([options](const Tensors& in) {
                  return with_residual(in[0] * in[1] + in[2], in, 3, options.relu);
                }));
}

BatchNormResult batch_norm_training(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& residual,
                                    const BatchNorm& options) {
  check_floating("batch_norm", x);
  check(x.size() > 0, "batch_norm: no values in ", x.shape());
  check_channels("batch_norm", "gamma", gamma, x);
  check_channels("batch_norm", "beta", beta, x);
  check_residual("batch_norm", residual, x);
  Tensor y = empty_like(x), batch_mean = empty_like(gamma), variance = empty_like(gamma);
  const ConstView added = residual.defined() ? residual.view() : ConstView{};
  x.backend().batch_norm_training(x.view(), gamma.view(), beta.view(), residual.defined() ? &added : nullptr, options,
                                  y.mutable_view(), batch_mean.mutable_view(), variance.mutable_view());
  const VectorJacobianProduct composed =
      vjp_of([options](const Tensors& in) { return batch_norm_definition(in, options); });
  const auto rule = [options, batch_mean, variance, composed](const Pullback& p) {
    if (is_recording()) return composed(p);
    const BatchNormGradients g = fused_gradients(p, options, batch_mean, variance);
    return with_optional({g.x, g.gamma, g.beta}, g.residual);
  };
  return {record("batch_norm_training", y, with_optional({x, gamma, beta}, residual), rule, options), batch_mean,
          variance};
}

Tensor batch_norm_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                            const Tensor& variance, const Tensor& residual, const BatchNorm& options) {
  check_floating("batch_norm", x);
  check_channels("batch_norm", "gamma", gamma, x);
  check_channels("batch_norm", "beta", beta, x);
  check_channels("batch_norm", "mean", mean, x);
  check_channels("batch_norm", "variance", variance, x);
  check_residual("batch_norm", residual, x);
  const auto definition = [options](const Tensors& in) {
    const Tensor scale = in[1] / sqrt(in[4] + options.epsilon);
    return channel_affine(in[0], scale, in[2] - in[3] * scale, in.size() > 5 ? in[5] : Tensor{},
                          {.relu = options.relu});
  };
  const Tensors inputs = with_optional({x, gamma, beta, mean, variance}, residual);
  Tensor y;
  {
    const Recording off(false);
    y = definition(inputs);
  }
  return record("batch_norm_inference", y, inputs, vjp_of(definition), options);
}

}  // namespace basin
