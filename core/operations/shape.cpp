#include <algorithm>
#include <numeric>

#include "core/operations/common.h"

namespace basin {
namespace {

std::size_t checked_axis(const char* operation, const Tensor& x, int axis) {
  const int at = axis < 0 ? axis + x.rank() : axis;
  check(at >= 0 && at < x.rank(), operation, ": no axis ", axis, " in ", x.shape());
  return static_cast<std::size_t>(at);
}

// `shape` with ones in front, to the given rank.
Shape padded(const Shape& shape, std::size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

bool expands(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  const Shape aligned = padded(from, to.size());
  return std::equal(aligned.begin(), aligned.end(), to.begin(), [](auto a, auto b) { return a == b || a == 1; });
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  Shape target = shape;
  const auto open = std::find(target.begin(), target.end(), -1);
  if (open != target.end()) {
    *open = 1;
    const std::int64_t rest = target.count();
    check(rest > 0 && x.size() % rest == 0, "reshape: ", x.shape(), " does not fit ", shape);
    *open = x.size() / rest;
  }
  return record("reshape", x.viewed_as(target), {x},
                [](const Pullback& p) { return Tensors{reshape(p.grad_output, p.inputs[0].shape())}; });
}

Tensor expand(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(expands(x.shape(), shape), "expand: ", x.shape(), " does not expand to ", shape);
  check_floating("expand", x);
  const Tensor aligned = x.viewed_as(padded(x.shape(), shape.size()));
  Tensor y = empty_like(x, shape);
  x.backend().expand(aligned.view(), y.mutable_view());
  return record("expand", y, {x},
                [](const Pullback& p) { return Tensors{sum_to(p.grad_output, p.inputs[0].shape())}; });
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(expands(shape, x.shape()), "sum_to: ", x.shape(), " does not sum to ", shape);
  check_floating("sum_to", x);
  Tensor y = empty_like(x, padded(shape, x.shape().size()));
  x.backend().reduce_sum(x.view(), y.mutable_view());
  return record("sum", y.viewed_as(shape), {x},
                [](const Pullback& p) { return Tensors{expand(p.grad_output, p.inputs[0].shape())}; });
}

Tensor sum(const Tensor& x) { return sum_to(x, {}); }

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  Shape kept = x.shape();
  for (const int axis : axes) kept[checked_axis("sum", x, axis)] = 1;
  Tensor total = sum_to(x, kept);
  if (keep_dims) return total;
  std::vector<bool> summed(kept.size());
  for (const int axis : axes) summed[checked_axis("sum", x, axis)] = true;
  Shape rest;
  for (std::size_t axis = 0; axis < kept.size(); ++axis)
    if (!summed[axis]) rest.push_back(kept[axis]);
  return reshape(total, rest);
}

Tensor mean(const Tensor& x) { return sum(x) / static_cast<double>(x.size()); }

Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  const Tensor total = sum(x, axes, keep_dims);
  return total * (static_cast<double>(total.size()) / static_cast<double>(x.size()));
}

Tensor concat(const Tensors& parts, int axis) {
  check(!parts.empty(), "concat: no tensors");
  const std::size_t at = checked_axis("concat", parts[0], axis);
  Shape shape = parts[0].shape();
  shape[at] = 0;
  for (const Tensor& part : parts) {
    check_alike("concat", parts[0], part);
    check(part.rank() == parts[0].rank(), "concat: ranks differ: ", parts[0].shape(), " and ", part.shape());
    for (std::size_t i = 0; i < shape.size(); ++i)
      check(i == at || part.shape()[i] == shape[i], "concat: ", part.shape(), " does not fit ", parts[0].shape(),
            " along axis ", axis);
    shape[at] += part.shape()[at];
  }
  Tensor y = empty_like(parts[0], shape);
  std::int64_t begin = 0;
  for (const Tensor& part : parts) {
    y.backend().write_slice(part.view(), static_cast<int>(at), begin, y.mutable_view());
    begin += part.shape()[at];
  }
  return record(
      "concat", y, parts,
      [at](const Pullback& p) {
        Tensors result;
        std::int64_t first = 0;
        for (std::size_t i = 0; i < p.inputs.size(); ++i) {
          const std::int64_t last = first + p.inputs[i].shape()[at];
          result.push_back(p.needed[i] ? slice(p.grad_output, static_cast<int>(at), first, last) : Tensor{});
          first = last;
        }
        return result;
      },
      static_cast<int>(at));
}

Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end) {
  const std::size_t at = checked_axis("slice", x, axis);
  check(0 <= begin && begin <= end && end <= x.shape()[at], "slice: ", begin, " to ", end, " on axis ", axis, " of ",
        x.shape());
  Shape shape = x.shape();
  shape[at] = end - begin;
  Tensor y = empty_like(x, shape);
  x.backend().read_slice(x.view(), static_cast<int>(at), begin, y.mutable_view());
  return record("slice", y, {x}, [at, begin](const Pullback& p) {
    return Tensors{embed(p.grad_output, static_cast<int>(at), begin, p.inputs[0].shape()[at])};
  });
}

Tensor embed(const Tensor& x, int axis, std::int64_t begin, std::int64_t extent) {
  const std::size_t at = checked_axis("embed", x, axis);
  const std::int64_t end = begin + x.shape()[at];
  check(0 <= begin && end <= extent, "embed: ", x.shape(), " at ", begin, " on axis ", axis, " exceeds ", extent);
  Shape shape = x.shape();
  shape[at] = extent;
  Tensor y = Tensor::zeros(shape, x.dtype(), x.backend());
  x.backend().write_slice(x.view(), static_cast<int>(at), begin, y.mutable_view());
  return record("embed", y, {x}, [at, begin, end](const Pullback& p) {
    return Tensors{slice(p.grad_output, static_cast<int>(at), begin, end)};
  });
}

Tensor gather(const Tensor& x, const Tensor& indices) {
  check_floating("gather", x);
  check(indices.dtype() == DType::i32, "gather: indices of ", indices.dtype(), ", expected i32");
  Tensor y = empty_like(x, indices.shape());
  x.backend().gather(x.view(), indices.view(), y.mutable_view());
  return record("gather", y, {x, indices}, [](const Pullback& p) {
    return Tensors{scatter(p.grad_output, p.inputs[1], p.inputs[0].shape()), Tensor{}};
  });
}

Tensor scatter(const Tensor& x, const Tensor& indices, const Shape& shape) {
  check_floating("scatter", x);
  check(indices.dtype() == DType::i32, "scatter: indices of ", indices.dtype(), ", expected i32");
  check(x.shape() == indices.shape(), "scatter: values ", x.shape(), " and indices ", indices.shape(), " differ");
  Tensor y = empty_like(x, shape);
  x.backend().scatter(x.view(), indices.view(), y.mutable_view());
  return record("scatter", y, {x, indices}, [](const Pullback& p) {
    return Tensors{gather(p.grad_output, p.inputs[1]), Tensor{}};
  });
}

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), dtype, x.backend());
  x.backend().cast(x.view(), y.mutable_view());
  return record("cast", y, {x}, [](const Pullback& p) { return Tensors{cast(p.grad_output, p.inputs[0].dtype())}; });
}

}  // namespace basin
