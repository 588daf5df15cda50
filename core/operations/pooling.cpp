#include "core/operations/common.h"

namespace basin {
namespace {

// Given where the maxima are, pooling is a gather, and this its adjoint.
Tensor max_pool2d_gradient(const Tensor& grad_output, const Tensor& indices, const Shape& x, const Pool2d& options) {
  Tensor y = empty_like(grad_output, x);
  y.backend().max_pool2d_gradient(grad_output.view(), indices.view(), options, y.mutable_view());
  return record("max_pool2d_gradient", y, {grad_output},
                [indices](const Pullback& p) { return Tensors{gather(p.grad_output, indices)}; });
}

}  // namespace

Shape pool2d_shape(const Shape& x, const Pool2d& o) {
  check(x.size() == 4, "pool2d: takes (N, H, W, C), not ", x);
  check(o.kernel >= 1 && o.stride >= 1 && o.padding >= 0 && 2 * o.padding <= o.kernel, "pool2d: kernel ", o.kernel,
        ", stride ", o.stride, ", padding ", o.padding, " (at most half of the kernel)");
  const std::int64_t height = x[1] + 2 * o.padding - o.kernel, width = x[2] + 2 * o.padding - o.kernel;
  check(height >= 0 && width >= 0, "pool2d: kernel ", o.kernel, " is larger than input ", x);
  return {x[0], height / o.stride + 1, width / o.stride + 1, x[3]};
}

Tensor max_pool2d(const Tensor& x, const Pool2d& options) {
  check_floating("max_pool2d", x);
  check(x.size() <= INT32_MAX, "max_pool2d: input ", x.shape(), " has more elements than 32-bit indices reach");
  const Shape shape = pool2d_shape(x.shape(), options);
  Tensor y = empty_like(x, shape);
  const Tensor indices = Tensor::empty(shape, DType::i32, x.backend());
  x.backend().max_pool2d(x.view(), options, y.mutable_view(), indices.mutable_view());
  return record(
      "max_pool2d", y, {x},
      [indices, options](const Pullback& p) {
        return Tensors{max_pool2d_gradient(p.grad_output, indices, p.inputs[0].shape(), options)};
      },
      options);
}

Tensor average_pool2d(const Tensor& x, const Pool2d& options) {
  check_floating("average_pool2d", x);
  Tensor y = empty_like(x, pool2d_shape(x.shape(), options));
  x.backend().average_pool2d(x.view(), options, y.mutable_view());
  return record(
      "average_pool2d", y, {x},
      [options](const Pullback& p) {
        return Tensors{average_pool2d_gradient(p.grad_output, p.inputs[0].shape(), options)};
      },
      options);
}

Tensor average_pool2d_gradient(const Tensor& grad_output, const Shape& x, const Pool2d& options) {
  check(pool2d_shape(x, options) == grad_output.shape(), "average_pool2d_gradient: gradient ", grad_output.shape(),
        " does not fit input ", x);
  Tensor y = empty_like(grad_output, x);
  y.backend().average_pool2d_gradient(grad_output.view(), options, y.mutable_view());
  return record("average_pool2d_gradient", y, {grad_output},
                [options](const Pullback& p) { return Tensors{average_pool2d(p.grad_output, options)}; });
}

}  // namespace basin
