// Dense row-major tensors with value semantics: a Tensor is a handle to an immutable value and, where operations were
// recorded, to the graph node that made it. Copies share storage.
#pragma once
#include <any>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/shape.h"

namespace basin {

class Backend;
class Tensor;
struct GradientOptions;
using Tensors = std::vector<Tensor>;

// Plain views for kernels: where the values are and what they are. Valid while the tensor (or buffer) lives.
struct ConstView {
  const void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  std::int64_t size() const { return shape.count(); }
};
struct View {
  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  std::int64_t size() const { return shape.count(); }
  operator ConstView() const { return {data, dtype, shape}; }
};

// A block of memory of one back end, released with it. Move-only.
class Buffer {
 public:
  Buffer(Backend& backend, std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Backend& backend() const { return *backend_; }

 private:
  Backend* backend_;
  void* data_;
  std::size_t bytes_;
};

// What a rule of differentiation is given: the operation's inputs and output, d(loss)/d(output), and which inputs need
// a gradient. It returns one tensor per input; an undefined one means "none". The tensors it returns are themselves
// made of recorded operations, so that gradients can be differentiated again.
struct Pullback {
  const Tensors& inputs;
  const Tensor& output;
  const Tensor& grad_output;
  const std::vector<bool>& needed;
};
using VectorJacobianProduct = std::function<Tensors(const Pullback&)>;

class Tensor {
 public:
  Tensor() = default;

  // Uninitialised storage.
  static Tensor empty(const Shape& shape, DType dtype, Backend& backend);
  static Tensor full(const Shape& shape, double value, DType dtype, Backend& backend);
  static Tensor zeros(const Shape& shape, DType dtype, Backend& backend) { return full(shape, 0, dtype, backend); }
  // Copies `values` (shape.count() of them, row-major) from the host.
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> values, Backend& backend) {
    check(static_cast<std::int64_t>(values.size()) == shape.count(), "tensor ", shape, ": ", values.size(),
          " values given");
    return from_bytes(shape, dtype_of<T>, values.data(), backend);
  }
  template <class T>
  static Tensor from(const Shape& shape, const std::vector<T>& values, Backend& backend) {
    return from(shape, std::span<const T>(values), backend);
  }
  static Tensor from_bytes(const Shape& shape, DType dtype, const void* bytes, Backend& backend);

  bool defined() const { return node_ != nullptr; }
  const Shape& shape() const;
  std::int64_t dim(int axis) const;  // negative axes count from the end
  int rank() const { return static_cast<int>(shape().size()); }
  std::int64_t size() const { return shape().count(); }
  DType dtype() const;
  Backend& backend() const;

  ConstView view() const;
  // For the code that fills a tensor it has just made with empty(), and for in-place updates of parameters. Values that
  // a recorded graph still needs must not be changed through it.
  View mutable_view() const;

  // Host copies. T must match dtype().
  template <class T>
  std::vector<T> to_vector() const {
    check(dtype() == dtype_of<T>, "tensor of ", dtype(), " read as ", dtype_of<T>);
    std::vector<T> values(static_cast<std::size_t>(size()));
    copy_to_host(values.data());
    return values;
  }
  void copy_to_host(void* bytes) const;
  double item() const;  // the value of a one-element tensor of any dtype

  // The same value without its history.
  Tensor detach() const;
  // A copy in fresh storage, without history.
  Tensor clone() const;
  // Elements [begin, end) of the leading axis, sharing storage, without history.
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  // The same values under another shape of equal count, sharing storage, without history (the recorded form is
  // reshape() of operations.h).
  Tensor viewed_as(const Shape& shape) const;

  // The recorded graph, for the tracer. Leaves have no inputs and the operation name "".
  const std::string& operation() const;
  const Tensors& inputs() const;
  const std::any& attributes() const;
  // Equal for handles of the same node.
  const void* identity() const { return node_.get(); }

 private:
  struct Node;
  const Node& node() const;

  std::shared_ptr<Node> node_;
  friend Tensor record(std::string, Tensor, Tensors, VectorJacobianProduct, std::any);
  friend Tensors gradient(const Tensor&, const Tensors&, const GradientOptions&);
};

struct Tensor::Node {
  Shape shape;
  DType dtype = DType::f32;
  std::shared_ptr<Buffer> buffer;
  std::size_t offset = 0;  // bytes
  std::string operation;
  Tensors inputs;
  VectorJacobianProduct vjp;
  std::any attributes;
  ~Node();  // unlinks long graphs without deep recursion
};

inline const Shape& Tensor::shape() const { return node().shape; }
inline DType Tensor::dtype() const { return node().dtype; }
inline Backend& Tensor::backend() const { return node().buffer->backend(); }
inline const std::string& Tensor::operation() const { return node().operation; }
inline const Tensors& Tensor::inputs() const { return node().inputs; }
inline const std::any& Tensor::attributes() const { return node().attributes; }

}  // namespace basin
