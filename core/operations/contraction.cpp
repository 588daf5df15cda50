#include "core/operations/common.h"

namespace basin {

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  check_floating("matmul", a);
  check_alike("matmul", a, b);
  check(a.rank() == 2 && b.rank() == 2, "matmul: takes matrices, not ", a.shape(), " and ", b.shape());
  const std::int64_t rows = a.dim(transpose_a ? 1 : 0), columns = b.dim(transpose_b ? 0 : 1);
  check(a.dim(transpose_a ? 0 : 1) == b.dim(transpose_b ? 1 : 0), "matmul: inner extents of ", a.shape(),
        transpose_a ? "^T" : "", " and ", b.shape(), transpose_b ? "^T" : "", " differ");
  Tensor y = empty_like(a, {rows, columns});
  a.backend().matmul(a.view(), transpose_a, b.view(), transpose_b, y.mutable_view());
  return record("matmul", y, {a, b}, [transpose_a, transpose_b](const Pullback& p) {
    const Tensor &left = p.inputs[0], &right = p.inputs[1], &g = p.grad_output;
    Tensors result(2);
    if (p.needed[0])
      result[0] = transpose_a ? matmul(right, g, transpose_b, true) : matmul(g, right, false, !transpose_b);
    if (p.needed[1])
      result[1] = transpose_b ? matmul(g, left, true, transpose_a) : matmul(left, g, !transpose_a, false);
    return result;
  });
}

Tensor dot(const Tensor& a, const Tensor& b) { return sum(a * b); }

Tensor dot(const Tensors& a, const Tensors& b) {
  check(a.size() == b.size() && !a.empty(), "dot: lists of ", a.size(), " and ", b.size(), " tensors");
  Tensor total = dot(a[0], b[0]);
  for (std::size_t i = 1; i < a.size(); ++i) total = total + dot(a[i], b[i]);
  return total;
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  check(x.rank() == 2 && weight.rank() == 2 && x.dim(1) == weight.dim(1), "linear: weight ", weight.shape(),
        " does not fit input ", x.shape());
  check_alike("linear", x, weight);
  if (bias.defined())
    check(bias.shape() == Shape{weight.dim(0)}, "linear: bias ", bias.shape(), " does not fit weight ", weight.shape());
  const auto definition = [](const Tensors& in) {
    const Tensor product = matmul(in[0], in[1], false, true);
    return in.size() > 2 ? product + in[2] : product;
  };
  const Tensors inputs = bias.defined() ? Tensors{x, weight, bias} : Tensors{x, weight};
  Tensor y;
  {
    const Recording off(false);
    y = definition(inputs);
  }
  return record("linear", y, inputs, vjp_of(definition));
}

Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2d& o) {
  check(x.size() == 4 && weight.size() == 4, "conv2d: takes (N, H, W, C) and (K, R, S, C / groups), not ", x, " and ",
        weight);
  check(o.stride >= 1 && o.padding >= 0 && o.groups >= 1, "conv2d: stride ", o.stride, ", padding ", o.padding,
        ", groups ", o.groups);
  check(weight[3] * o.groups == x[3] && weight[0] % o.groups == 0, "conv2d: weight ", weight, " with ", o.groups,
        " groups does not fit input ", x);
  const std::int64_t height = x[1] + 2 * o.padding - weight[1], width = x[2] + 2 * o.padding - weight[2];
  check(height >= 0 && width >= 0, "conv2d: weight ", weight, " is larger than input ", x, " with padding ", o.padding);
  return {x[0], height / o.stride + 1, width / o.stride + 1, weight[0]};
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Conv2d& options) {
  check_floating("conv2d", x);
  check_alike("conv2d", x, weight);
  Tensor y = empty_like(x, conv2d_shape(x.shape(), weight.shape(), options));
  x.backend().conv2d(x.view(), weight.view(), options, y.mutable_view());
  return record(
      "conv2d", y, {x, weight},
      [options](const Pullback& p) {
        Tensors result(2);
        if (p.needed[0]) result[0] = conv2d_input_gradient(p.grad_output, p.inputs[1], p.inputs[0].shape(), options);
        if (p.needed[1]) result[1] = conv2d_weight_gradient(p.inputs[0], p.grad_output, p.inputs[1].shape(), options);
        return result;
      },
      options);
}

Tensor conv2d_input_gradient(const Tensor& grad_output, const Tensor& weight, const Shape& x, const Conv2d& options) {
  check_alike("conv2d_input_gradient", grad_output, weight);
  check(conv2d_shape(x, weight.shape(), options) == grad_output.shape(), "conv2d_input_gradient: gradient ",
        grad_output.shape(), " does not fit input ", x, " and weight ", weight.shape());
  Tensor y = empty_like(weight, x);
  y.backend().conv2d_input_gradient(grad_output.view(), weight.view(), options, y.mutable_view());
  return record("conv2d_input_gradient", y, {grad_output, weight}, [options](const Pullback& p) {
    Tensors result(2);
    if (p.needed[0]) result[0] = conv2d(p.grad_output, p.inputs[1], options);
    if (p.needed[1]) result[1] = conv2d_weight_gradient(p.grad_output, p.inputs[0], p.inputs[1].shape(), options);
    return result;
  });
}

Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& grad_output, const Shape& weight, const Conv2d& options) {
  check_alike("conv2d_weight_gradient", x, grad_output);
  check(conv2d_shape(x.shape(), weight, options) == grad_output.shape(), "conv2d_weight_gradient: gradient ",
        grad_output.shape(), " does not fit input ", x.shape(), " and weight ", weight);
  Tensor y = empty_like(x, weight);
  y.backend().conv2d_weight_gradient(x.view(), grad_output.view(), options, y.mutable_view());
  return record("conv2d_weight_gradient", y, {x, grad_output}, [options](const Pullback& p) {
    Tensors result(2);
    if (p.needed[0]) result[0] = conv2d_input_gradient(p.inputs[1], p.grad_output, p.inputs[0].shape(), options);
    if (p.needed[1]) result[1] = conv2d(p.inputs[0], p.grad_output, options);
    return result;
  });
}

}  // namespace basin
