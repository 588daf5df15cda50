// The CPU back end. Each family of kernels is defined in a file of its own beside this one.
#pragma once
#include "core/backend.h"

namespace basin::cpu {

class CpuBackend final : public Backend {
 public:
  std::string name() const override { return "cpu"; }
  bool computes(DType type) const override { return type == DType::f32 || type == DType::f64; }

  // cpu_backend.cpp
  void synchronize() override {}
  std::unique_ptr<PendingCopy> start_copy_to_host(const void* from, std::size_t bytes) override;
  std::unique_ptr<RecordedWork> record(std::function<void()> work) override;
  void* allocate(std::size_t bytes) override;
  void release(void* data, std::size_t bytes) noexcept override;
  void copy_from_host(void* to, const void* host, std::size_t bytes) override;
  void copy_to_host(void* host, const void* from, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;

  // cast.cpp
  void fill(const View& y, double value) override;
  void cast(const ConstView& x, const View& y) override;

  // elementwise.cpp
  void unary(Unary f, const ConstView& x, const View& y) override;
  void binary(Binary f, const ConstView& a, const ConstView& b, const View& y) override;
  void affine(const ConstView& x, double scale, double shift, const View& y) override;
  void select(const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) override;

  // reduce.cpp
  void reduce_sum(const ConstView& x, const View& y) override;
  double sum_of_squares(const ConstView& x) override;
  bool all_finite(const ConstView& x) override;

  // shape_kernels.cpp
  void expand(const ConstView& x, const View& y) override;
  void read_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) override;
  void write_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) override;
  void gather(const ConstView& x, const ConstView& indices, const View& y) override;
  void scatter(const ConstView& x, const ConstView& indices, const View& y) override;

  // contraction.cpp
  void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) override;
  void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) override;
  void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                             const View& grad_x) override;
  void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                              const View& grad_weight) override;

  // pooling.cpp
  void max_pool2d(const ConstView& x, const Pool2d& options, const View& y, const View& indices) override;
  void max_pool2d_gradient(const ConstView& grad_output, const ConstView& indices, const Pool2d& options,
                           const View& grad_x) override;
  void average_pool2d(const ConstView& x, const Pool2d& options, const View& y) override;
  void average_pool2d_gradient(const ConstView& grad_output, const Pool2d& options, const View& grad_x) override;

  // normalization.cpp
  void channel_affine(const ConstView& x, const ConstView& scale, const ConstView& shift, const ConstView* residual,
                      bool relu, const View& y) override;
  void batch_norm_training(const ConstView& x, const ConstView& gamma, const ConstView& beta, const ConstView* residual,
                           const BatchNorm& options, const View& y, const View& mean, const View& variance) override;
  void batch_norm_gradient(const ConstView& x, const ConstView& y, const ConstView& gamma, const ConstView& mean,
                           const ConstView& variance, const ConstView& grad_output, const BatchNorm& options,
                           const View& grad_x, const View& grad_gamma, const View& grad_beta,
                           const View* grad_residual) override;

  // losses.cpp
  void log_softmax(const ConstView& logits, const View& y) override;
  void softmax_cross_entropy(const ConstView& logits, const ConstView& labels, double label_smoothing,
                             const View& loss) override;
  void softmax_cross_entropy_gradient(const ConstView& logits, const ConstView& labels, double label_smoothing,
                                      const ConstView& grad_loss, const View& grad_logits) override;

  // random_fill.cpp
  void normal(std::uint64_t seed, std::uint64_t stream, const View& y) override;
  void uniform(std::uint64_t seed, std::uint64_t stream, const View& y) override;

  // optimizers.cpp
  void sgd_step(const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
                const View& momentum) override;
  void adam_step(const AdamStep& step, const ConstView& gradient, const View& parameter, const View& first_moment,
                 const View& second_moment) override;

  // step_kernels.cpp
  StepKernels& step_kernels() override;
};

}  // namespace basin::cpu
