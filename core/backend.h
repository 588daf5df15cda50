// What a device must be able to do: one virtual per kernel, on plain views. Outputs are allocated by the caller and
// fully overwritten unless stated; inputs and outputs never overlap except where a kernel says "in place".
// Floating-point kernels take the types that computes() names, the same for all arguments; where those are f16 or bf16,
// sums and intermediate values are f32, and so are the channels' values (scale, gamma, mean, ...) of normalisations and
// all arguments of losses. Activations (N, H, W, C), filters
// (K, R, S, C / groups); "rows" are all axes but the last. Reductions have an order that depends on the shapes alone,
// never on the number of threads.
#pragma once
#include <functional>
#include <memory>

#include "core/operations.h"

namespace basin {

enum class Unary : std::uint8_t { negate, exp, log, sqrt, tanh, sigmoid, relu, abs, sign };  // sign(0) = 0
enum class Binary : std::uint8_t { add, subtract, multiply, divide, maximum, minimum, greater, greater_equal };

struct SgdStep {
  double learning_rate, momentum, weight_decay;
  bool nesterov;
};
struct AdamStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  bool decoupled;     // AdamW: decay applied to the parameter, not to the gradient
  std::int64_t step;  // 1 for the first
};

class StepKernels;
class GridEngine;
struct GridWork;

// Work of a back end that can be run again and again.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  virtual void run() = 0;  // does not wait for it
};

// A copy to the host that is under way.
class PendingCopy {
 public:
  virtual ~PendingCopy() = default;
  virtual bool ready() const = 0;  // without waiting
  virtual const void* wait() = 0;  // the bytes, which live as long as this object
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;         // "cpu", "cuda:0"
  virtual bool computes(DType type) const = 0;  // is it a floating-point type that kernels take?

  // ---- order. Kernels and copies run in the order of the calls; only what gives a value to the host waits for them.
  virtual void synchronize() = 0;  // waits for all
  // Copies `bytes` as they are when the calls before this one are done; later ones may overwrite them.
  virtual std::unique_ptr<PendingCopy> start_copy_to_host(const void* from, std::size_t bytes) = 0;
  // What work() asks of the back end, to be run by RecordedWork::run() (a CUDA graph). work() is called now, without
  // its kernels running, or at each run(): it must not read values of the back end, nor have effects elsewhere that
  // matter. The memory that it allocates stays reserved until the result is destroyed; what it uses besides must live
  // so long.
  virtual std::unique_ptr<RecordedWork> record(std::function<void()> work) = 0;

  // ---- memory, in bytes; 64-byte aligned
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* data, std::size_t bytes) noexcept = 0;
  virtual void copy_from_host(void* to, const void* host, std::size_t bytes) = 0;
  virtual void copy_to_host(void* host, const void* from, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;

  // ---- elementwise
  virtual void fill(const View& y, double value) = 0;        // any dtype
  virtual void cast(const ConstView& x, const View& y) = 0;  // any dtype to any
  virtual void unary(Unary f, const ConstView& x, const View& y) = 0;
  virtual void binary(Binary f, const ConstView& a, const ConstView& b, const View& y) = 0;  // equal shapes
  virtual void affine(const ConstView& x, double scale, double shift,
                      const View& y) = 0;  // scale * x + shift; y may be x
  virtual void select(const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) = 0;

  // ---- shape
  virtual void reduce_sum(const ConstView& x, const View& y) = 0;  // equal ranks; y's extents are x's or 1
  virtual void expand(const ConstView& x, const View& y) = 0;      // equal ranks; x's extents are y's or 1
  virtual void read_slice(const ConstView& x, int axis, std::int64_t begin,
                          const View& y) = 0;  // y = x[.., begin.., ..]
  virtual void write_slice(const ConstView& x, int axis, std::int64_t begin,
                           const View& y) = 0;  // the rest of y is kept
  virtual void gather(const ConstView& x, const ConstView& indices, const View& y) = 0;
  virtual void scatter(const ConstView& x, const ConstView& indices, const View& y) = 0;

  // ---- contractions
  virtual void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) = 0;
  virtual void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) = 0;
  virtual void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                                     const View& grad_x) = 0;
  virtual void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                                      const View& grad_weight) = 0;

  // ---- pooling; indices (i32, shape of y) are flat positions in x
  virtual void max_pool2d(const ConstView& x, const Pool2d& options, const View& y, const View& indices) = 0;
  // grad_x[i] = sum of grad_output where indices == i, in ascending order; each index is one of its window's.
  virtual void max_pool2d_gradient(const ConstView& grad_output, const ConstView& indices, const Pool2d& options,
                                   const View& grad_x) = 0;
  virtual void average_pool2d(const ConstView& x, const Pool2d& options, const View& y) = 0;
  virtual void average_pool2d_gradient(const ConstView& grad_output, const Pool2d& options, const View& grad_x) = 0;

  // ---- normalisation; residual and grad_residual may be null
  virtual void channel_affine(const ConstView& x, const ConstView& scale, const ConstView& shift,
                              const ConstView* residual, bool relu, const View& y) = 0;
  virtual void batch_norm_training(const ConstView& x, const ConstView& gamma, const ConstView& beta,
                                   const ConstView* residual, const BatchNorm& options, const View& y, const View& mean,
                                   const View& variance) = 0;
  // Gradients of batch_norm_training: y is its output (for the relu mask), mean and variance the batch's.
  virtual void batch_norm_gradient(const ConstView& x, const ConstView& y, const ConstView& gamma,
                                   const ConstView& mean, const ConstView& variance, const ConstView& grad_output,
                                   const BatchNorm& options, const View& grad_x, const View& grad_gamma,
                                   const View& grad_beta, const View* grad_residual) = 0;

  // ---- losses
  virtual void log_softmax(const ConstView& logits, const View& y) = 0;
  virtual void softmax_cross_entropy(const ConstView& logits, const ConstView& labels, double label_smoothing,
                                     const View& loss) = 0;
  // grad_logits[n, c] = grad_loss[n] * (softmax(logits)[n, c] - target[n, c])
  virtual void softmax_cross_entropy_gradient(const ConstView& logits, const ConstView& labels, double label_smoothing,
                                              const ConstView& grad_loss, const View& grad_logits) = 0;

  // ---- random numbers: element i is Random(seed, stream).normal(i) or .uniform(i), rounded to y's dtype
  virtual void normal(std::uint64_t seed, std::uint64_t stream, const View& y) = 0;
  virtual void uniform(std::uint64_t seed, std::uint64_t stream, const View& y) = 0;

  // ---- reductions to the host
  virtual double sum_of_squares(const ConstView& x) = 0;
  virtual bool all_finite(const ConstView& x) = 0;

  // ---- optimizers, in place on parameter and state
  // g += weight_decay * p; m = momentum * m + g (m = g when first); p -= lr * (nesterov ? g + momentum * m : m)
  // (Sutskever et al. 2013 as PyTorch's SGD writes it.)
  virtual void sgd_step(const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
                        const View& momentum) = 0;
  // Kingma, Ba 2015, algorithm 1; Loshchilov, Hutter 2019 for the decoupled decay.
  virtual void adam_step(const AdamStep& step, const ConstView& gradient, const View& parameter,
                         const View& first_moment, const View& second_moment) = 0;

  // Kernels of whole training steps (core/step_kernels.h).
  virtual StepKernels& step_kernels() = 0;

  // The losses of many points of a plane at once (core/grid_engine.h); Error where there is an obstacle.
  virtual std::unique_ptr<GridEngine> grid_engine(const GridWork& work);
  // Why the back end has no such kernels, or none for the plan and arithmetic, in one line; "": it has.
  virtual std::string grid_obstacle(const GridWork& work) const;
};

// The type of a normalisation's values per channel for activations of `type`, and of losses.
inline DType channel_dtype(DType type) { return type == DType::f16 || type == DType::bf16 ? DType::f32 : type; }

// The CPU back end of this process: f32 by oneDNN and vectorised loops, f64 by obvious loops.
Backend& cpu_backend();

}  // namespace basin
