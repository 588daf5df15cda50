#include <algorithm>

#include "core/operations/common.h"

namespace basin {
namespace {

Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  const auto extent = [&](const Shape& shape, std::size_t axis) {
    const std::size_t missing = result.size() - shape.size();
    return axis < missing ? 1 : shape[axis - missing];
  };
  for (std::size_t axis = 0; axis < result.size(); ++axis) {
    const std::int64_t x = extent(a, axis), y = extent(b, axis);
    check(x == y || x == 1 || y == 1, operation, ": shapes ", a, " and ", b, " do not broadcast");
    result[axis] = x == 1 ? y : x;
  }
  return result;
}

struct Operands {
  Tensor a, b;
};
Operands broadcast(const char* operation, const Tensor& a, const Tensor& b) {
  check_floating(operation, a);
  check_alike(operation, a, b);
  if (a.shape() == b.shape()) return {a, b};
  const Shape shape = broadcast_shape(operation, a.shape(), b.shape());
  return {expand(a, shape), expand(b, shape)};
}

Tensor apply(Unary f, const char* operation, const Tensor& x) {
  check_floating(operation, x);
  Tensor y = empty_like(x);
  x.backend().unary(f, x.view(), y.mutable_view());
  return y;
}
Tensor apply(Binary f, const Operands& operands) {
  Tensor y = empty_like(operands.a);
  y.backend().binary(f, operands.a.view(), operands.b.view(), y.mutable_view());
  return y;
}

// scale * x + shift
Tensor affine(const Tensor& x, double scale, double shift) {
  check_floating("affine", x);
  Tensor y = empty_like(x);
  x.backend().affine(x.view(), scale, shift, y.mutable_view());
  return record("affine", y, {x}, [scale](const Pullback& p) { return Tensors{p.grad_output * scale}; });
}

// 0 where x is 0, its sign elsewhere.
Tensor sign(const Tensor& x) { return apply(Unary::sign, "sign", x); }

// All of the gradient to the first operand where the mask is 1, to the second elsewhere.
Tensors routed(const Pullback& p, const Tensor& mask) {
  return {p.needed[0] ? p.grad_output * mask : Tensor{}, p.needed[1] ? p.grad_output * (1.0 - mask) : Tensor{}};
}

}  // namespace

Tensor operator+(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("add", a, b);
  return record("add", apply(Binary::add, o), {o.a, o.b}, [](const Pullback& p) {
    return Tensors{p.grad_output, p.grad_output};
  });
}

Tensor operator-(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("subtract", a, b);
  return record("subtract", apply(Binary::subtract, o), {o.a, o.b}, [](const Pullback& p) {
    return Tensors{p.grad_output, p.needed[1] ? -p.grad_output : Tensor{}};
  });
}

Tensor operator*(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("multiply", a, b);
  return record("multiply", apply(Binary::multiply, o), {o.a, o.b}, [](const Pullback& p) {
    return Tensors{p.needed[0] ? p.grad_output * p.inputs[1] : Tensor{},
                   p.needed[1] ? p.grad_output * p.inputs[0] : Tensor{}};
  });
}

Tensor operator/(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("divide", a, b);
  return record("divide", apply(Binary::divide, o), {o.a, o.b}, [](const Pullback& p) {
    const Tensor quotient = p.grad_output / p.inputs[1];
    return Tensors{quotient, p.needed[1] ? -(quotient * p.output) : Tensor{}};
  });
}

Tensor operator-(const Tensor& x) {
  return record("negate", apply(Unary::negate, "negate", x), {x},
                [](const Pullback& p) { return Tensors{-p.grad_output}; });
}

Tensor operator+(const Tensor& x, double shift) { return affine(x, 1, shift); }
Tensor operator-(const Tensor& x, double shift) { return affine(x, 1, -shift); }
Tensor operator-(double value, const Tensor& x) { return affine(x, -1, value); }
Tensor operator*(const Tensor& x, double scale) { return affine(x, scale, 0); }
Tensor operator*(double scale, const Tensor& x) { return affine(x, scale, 0); }
Tensor operator/(const Tensor& x, double divisor) { return affine(x, 1 / divisor, 0); }

Tensor exp(const Tensor& x) {
  return record("exp", apply(Unary::exp, "exp", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output * p.output}; });
}

Tensor log(const Tensor& x) {
  return record("log", apply(Unary::log, "log", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output / p.inputs[0]}; });
}

Tensor sqrt(const Tensor& x) {
  return record("sqrt", apply(Unary::sqrt, "sqrt", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output / (2 * p.output)}; });
}

Tensor tanh(const Tensor& x) {
  return record("tanh", apply(Unary::tanh, "tanh", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output * (1 - p.output * p.output)}; });
}

Tensor sigmoid(const Tensor& x) {
  return record("sigmoid", apply(Unary::sigmoid, "sigmoid", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output * (p.output * (1 - p.output))}; });
}

Tensor relu(const Tensor& x) {
  return record("relu", apply(Unary::relu, "relu", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output * sign(p.output)}; });
}

Tensor abs(const Tensor& x) {
  return record("abs", apply(Unary::abs, "abs", x), {x},
                [](const Pullback& p) { return Tensors{p.grad_output * sign(p.inputs[0])}; });
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("maximum", a, b);
  return record("maximum", apply(Binary::maximum, o), {o.a, o.b},
                [](const Pullback& p) { return routed(p, greater_equal(p.inputs[0], p.inputs[1])); });
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  const Operands o = broadcast("minimum", a, b);
  return record("minimum", apply(Binary::minimum, o), {o.a, o.b},
                [](const Pullback& p) { return routed(p, greater_equal(p.inputs[1], p.inputs[0])); });
}

Tensor greater(const Tensor& a, const Tensor& b) { return apply(Binary::greater, broadcast("greater", a, b)); }
Tensor greater_equal(const Tensor& a, const Tensor& b) {
  return apply(Binary::greater_equal, broadcast("greater_equal", a, b));
}

Tensor select(const Tensor& mask, const Tensor& a, const Tensor& b) {
  check_floating("select", a);
  check_alike("select", a, b);
  check_alike("select", mask, a);
  check(mask.shape() == a.shape() && a.shape() == b.shape(), "select: shapes ", mask.shape(), ", ", a.shape(), " and ",
        b.shape(), " differ");
  Tensor y = empty_like(a);
  y.backend().select(mask.view(), a.view(), b.view(), y.mutable_view());
  return record("select", y, {mask, a, b}, [](const Pullback& p) {
    const Tensor zero = zeros_like(p.grad_output);
    return Tensors{Tensor{}, p.needed[1] ? select(p.inputs[0], p.grad_output, zero) : Tensor{},
                   p.needed[2] ? select(p.inputs[0], zero, p.grad_output) : Tensor{}};
  });
}

Tensor dropout(const Tensor& x, double rate, std::uint64_t seed, std::uint64_t stream) {
  check(rate >= 0 && rate < 1, "dropout: rate ", rate, " is not in [0, 1)");
  check_floating("dropout", x);
  Tensor draw = empty_like(x);
  x.backend().uniform(seed, stream, draw.mutable_view());
  const Tensor kept = greater_equal(draw, Tensor::full(x.shape(), rate, x.dtype(), x.backend()));
  return x * (kept / (1 - rate)).detach();
}

Tensor zeros_like(const Tensor& x) { return Tensor::zeros(x.shape(), x.dtype(), x.backend()); }
Tensor ones_like(const Tensor& x) { return Tensor::full(x.shape(), 1, x.dtype(), x.backend()); }

Tensor normal(const Shape& shape, std::uint64_t seed, std::uint64_t stream, DType dtype, Backend& backend) {
  Tensor y = Tensor::empty(shape, dtype, backend);
  backend.normal(seed, stream, y.mutable_view());
  return y;
}

}  // namespace basin
