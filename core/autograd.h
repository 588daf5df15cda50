// Reverse-mode differentiation over the recorded graph. Rules return tensors made of recorded operations, so gradients
// of gradients, to any order, are the same call again.
#pragma once
#include "core/tensor.h"

namespace basin {

// Marks the freshly made `value` as the result of `operation` on `inputs` and returns it. `attributes` is what the
// tracer (models/trace.h) needs to know about the operation, such as Conv2d. A no-op while recording is off.
Tensor record(std::string operation, Tensor value, Tensors inputs, VectorJacobianProduct vjp, std::any attributes = {});

bool is_recording();

// Recording on or off for this thread until the end of the scope. It starts on.
class Recording {
 public:
  explicit Recording(bool on);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  bool previous_;
};

struct GradientOptions {
  Tensor seed = {};           // d(loss)/d(output); undefined: ones
  bool create_graph = false;  // make the result differentiable again
};
// d<seed, output> / d inputs, one tensor per input and of its shape; zeros where the output does not depend on it.
Tensors gradient(const Tensor& output, const Tensors& inputs, const GradientOptions& options = {});

// H v for H the Hessian of the scalar `output` by `inputs`: the gradient of <gradient, v> (Pearlmutter 1994).
Tensors hessian_vector_product(const Tensor& output, const Tensors& inputs, const Tensors& v);

// The rule of a fused kernel, derived from the composition of simpler operations that defines it.
VectorJacobianProduct vjp_of(std::function<Tensor(const Tensors&)> definition);

}  // namespace basin
