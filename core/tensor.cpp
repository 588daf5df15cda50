#include "core/tensor.h"

#include <utility>

#include "core/backend.h"

namespace basin {

Buffer::Buffer(Backend& backend, std::size_t bytes)
    : backend_(&backend), data_(backend.allocate(bytes)), bytes_(bytes) {}

Buffer::~Buffer() { backend_->release(data_, bytes_); }

// A chain of operations is as long as the network (or the optimisation) that recorded it; releasing it by recursion
// would need a stack frame per operation.
Tensor::Node::~Node() {
  Tensors pending = std::move(inputs);
  vjp = nullptr;
  while (!pending.empty()) {
    Tensor last = std::move(pending.back());
    pending.pop_back();
    if (!last.node_ || last.node_.use_count() > 1) continue;
    Tensors& inner = last.node_->inputs;
    pending.insert(pending.end(), std::make_move_iterator(inner.begin()), std::make_move_iterator(inner.end()));
    inner.clear();
  }
}

const Tensor::Node& Tensor::node() const {
  check(node_ != nullptr, "tensor: used before it was given a value");
  return *node_;
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Backend& backend) {
  for (const std::int64_t extent : shape) check(extent >= 0, "tensor: negative extent in shape ", shape);
  Tensor result;
  result.node_ = std::make_shared<Node>();
  result.node_->shape = shape;
  result.node_->dtype = dtype;
  result.node_->buffer = std::make_shared<Buffer>(backend, static_cast<std::size_t>(shape.count()) * size_of(dtype));
  return result;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Backend& backend) {
  Tensor result = empty(shape, dtype, backend);
  backend.fill(result.mutable_view(), value);
  return result;
}

Tensor Tensor::from_bytes(const Shape& shape, DType dtype, const void* bytes, Backend& backend) {
  Tensor result = empty(shape, dtype, backend);
  backend.copy_from_host(result.mutable_view().data, bytes, static_cast<std::size_t>(shape.count()) * size_of(dtype));
  return result;
}

std::int64_t Tensor::dim(int axis) const {
  const int at = axis < 0 ? axis + rank() : axis;
  check(at >= 0 && at < rank(), "tensor ", shape(), ": no axis ", axis);
  return shape()[static_cast<std::size_t>(at)];
}

ConstView Tensor::view() const { return mutable_view(); }

View Tensor::mutable_view() const {
  const Node& n = node();
  return {static_cast<std::byte*>(n.buffer->data()) + n.offset, n.dtype, n.shape};
}

void Tensor::copy_to_host(void* bytes) const {
  backend().copy_to_host(bytes, view().data, static_cast<std::size_t>(size()) * size_of(dtype()));
}

double Tensor::item() const {
  check(size() == 1, "tensor ", shape(), ": item() needs one element");
  const Tensor converted = empty({}, DType::f64, backend());
  backend().cast(ConstView{view().data, dtype(), {}}, converted.mutable_view());
  double value = 0;
  converted.copy_to_host(&value);
  return value;
}

Tensor Tensor::detach() const { return viewed_as(shape()); }

Tensor Tensor::viewed_as(const Shape& shape) const {
  check(shape.count() == size(), "tensor ", this->shape(), " does not fit shape ", shape);
  const Node& n = node();
  Tensor result;
  result.node_ = std::make_shared<Node>();
  result.node_->shape = shape;
  result.node_->dtype = n.dtype;
  result.node_->buffer = n.buffer;
  result.node_->offset = n.offset;
  return result;
}

Tensor Tensor::clone() const {
  Tensor result = empty(shape(), dtype(), backend());
  backend().copy(result.mutable_view().data, view().data, static_cast<std::size_t>(size()) * size_of(dtype()));
  return result;
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  check(rank() >= 1 && 0 <= begin && begin <= end && end <= shape()[0], "tensor ", shape(), ": no rows ", begin, " to ",
        end);
  Tensor result = detach();
  Node& n = *result.node_;
  const std::int64_t row = n.shape[0] == 0 ? 0 : n.shape.count() / n.shape[0];
  n.offset += static_cast<std::size_t>(begin * row) * size_of(n.dtype);
  n.shape[0] = end - begin;
  return result;
}

}  // namespace basin
