// The operation set, closed under differentiation: the rule of each operation uses only operations of this file.
// Shapes are checked; a misfit throws Error. Floating-point operations take one dtype and one back end per
// call. Activations are (N, H, W, C), filters (K, R, S, C / groups).
#pragma once
#include <optional>

#include "core/autograd.h"

namespace basin {

// ---- elementwise. Binary operations broadcast axes of extent 1 and missing leading axes.
Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& x);
Tensor operator+(const Tensor& x, double shift);
Tensor operator-(const Tensor& x, double shift);
Tensor operator-(double value, const Tensor& x);
Tensor operator*(const Tensor& x, double scale);
Tensor operator*(double scale, const Tensor& x);
Tensor operator/(const Tensor& x, double divisor);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor relu(const Tensor& x);                                         // relu'(0) = 0
Tensor maximum(const Tensor& a, const Tensor& b);                     // the gradient goes to a where a >= b
Tensor minimum(const Tensor& a, const Tensor& b);                     // the gradient goes to a where a <= b
Tensor abs(const Tensor& x);                                          // abs'(0) = 0
Tensor greater(const Tensor& a, const Tensor& b);                     // 1 where a > b, else 0; not differentiable
Tensor greater_equal(const Tensor& a, const Tensor& b);               // 1 where a >= b, else 0; not differentiable
Tensor select(const Tensor& mask, const Tensor& a, const Tensor& b);  // a where mask != 0, else b; same shapes

// ---- shape
Tensor reshape(const Tensor& x, const Shape& shape);  // one extent may be -1
Tensor expand(const Tensor& x, const Shape& shape);   // repeats axes of extent 1; missing leading axes are added
Tensor sum(const Tensor& x);                          // over everything, shape ()
Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims = false);
Tensor sum_to(const Tensor& x, const Shape& shape);  // adjoint of expand
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims = false);
Tensor concat(const Tensors& parts, int axis);
Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end);
Tensor embed(const Tensor& x, int axis, std::int64_t begin, std::int64_t extent);  // adjoint of slice: zeros around x
// y[i] = x[indices[i]] over flat indices (i32, 0 <= index < x.size()); y has the shape of `indices`.
Tensor gather(const Tensor& x, const Tensor& indices);
// Adjoint of gather: y of `shape`, y[indices[i]] += x[i] in ascending i.
Tensor scatter(const Tensor& x, const Tensor& indices, const Shape& shape);
Tensor cast(const Tensor& x, DType dtype);  // differentiable between f32 and f64

// ---- contractions
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);  // 2-D
Tensor dot(const Tensor& a, const Tensor& b);  // sum of products, shape ()
Tensor dot(const Tensors& a, const Tensors& b);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});  // (N, I) (O, I) (O) -> (N, O)

struct Conv2d {
  std::int64_t stride = 1, padding = 0, groups = 1;
  bool operator==(const Conv2d&) const = default;
};
Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2d& options);  // (N, P, Q, K), checked
// The three contractions of one trilinear form <g, conv2d(x, w)>; each one's derivatives are the other two.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Conv2d& options = {});
Tensor conv2d_input_gradient(const Tensor& grad_output, const Tensor& weight, const Shape& x, const Conv2d& options);
Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& grad_output, const Shape& weight, const Conv2d& options);

// ---- pooling
struct Pool2d {
  std::int64_t kernel = 2, stride = 2, padding = 0;
  bool operator==(const Pool2d&) const = default;
};
Shape pool2d_shape(const Shape& x, const Pool2d& options);
Tensor max_pool2d(const Tensor& x, const Pool2d& options);      // ties: the first in row order
Tensor average_pool2d(const Tensor& x, const Pool2d& options);  // divides by kernel^2, padding counted
Tensor average_pool2d_gradient(const Tensor& grad_output, const Shape& x, const Pool2d& options);  // its adjoint

// ---- normalisation over the last axis' channels C; x is (N, H, W, C) or (N, C)
// relu?(x * scale[c] + shift[c] + residual?)
struct ChannelAffine {
  bool relu = false;
};
Tensor channel_affine(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual = {},
                      const ChannelAffine& options = {});
struct BatchNorm {
  double epsilon = 1e-5;
  bool relu = false;  // apply relu last
};
struct BatchNormResult {
  Tensor y;
  Tensor mean, variance;  // (C) of the batch, biased; without history
};
// relu?((x - mean_batch) / sqrt(var_batch + eps) * gamma + beta + residual?)     (Ioffe, Szegedy 2015, algorithm 1)
BatchNormResult batch_norm_training(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                                    const Tensor& residual = {}, const BatchNorm& options = {});
// The same with given statistics (C); recorded as one operation "batch_norm_inference" with inputs (x, gamma, beta,
// mean, variance[, residual]), which the tracer folds.
Tensor batch_norm_inference(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& mean,
                            const Tensor& variance, const Tensor& residual = {}, const BatchNorm& options = {});

// ---- losses, one value per row: logits (N, C), labels i32 (N) -> (N)
Tensor log_softmax(const Tensor& logits);
Tensor softmax(const Tensor& logits);
// (1 - s) * -log p[label] + s / C * sum_c -log p[c] with s the label smoothing.
Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing = 0);
// mean_c (p[c] - [c == label])^2, the reference's MSE(softmax, one-hot) per image.
Tensor softmax_squared_error(const Tensor& logits, const Tensor& labels);

// x * mask / (1 - rate) with mask[i] = [uniform(seed, stream, i) >= rate].
Tensor dropout(const Tensor& x, double rate, std::uint64_t seed, std::uint64_t stream);

// ---- constants and draws like another tensor, without history
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor normal(const Shape& shape, std::uint64_t seed, std::uint64_t stream, DType dtype, Backend& backend);

}  // namespace basin
