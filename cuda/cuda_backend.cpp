#include "cuda/cuda_backend.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/contractions.h"
#include "cuda/graph.h"
#include "cuda/grid/grid_engine.h"
#include "cuda/kernels/batch_norm.h"
#include "cuda/kernels/cast.h"
#include "cuda/kernels/elementwise.h"
#include "cuda/kernels/norms.h"
#include "cuda/kernels/pooling.h"
#include "cuda/kernels/random.h"
#include "cuda/kernels/reduce.h"
#include "cuda/kernels/shape.h"
#include "cuda/kernels/softmax.h"
#include "cuda/kernels/step/cuda_step_kernels.h"
#include "cuda/kernels/step/update.h"
#include "cuda/memory_pool.h"

namespace basin::cuda {
namespace {

// ---- copies to the host that are under way

// Buffers of the host that are not in use. All copies are of one stream, so that a buffer may be used again before the
// copy into it is done: the next one comes after it.
class HostBuffers {
 public:
  PinnedBuffer take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = idle_.lower_bound(bytes);
    // Not a far larger one, or a few of those would serve many small copies while their like is made anew.
    if (found == idle_.end() || found->first > 2 * bytes + kSmall) return PinnedBuffer(std::max(bytes, kSmall));
    return std::move(idle_.extract(found).mapped());
  }
  void give_back(PinnedBuffer buffer) {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = buffer.bytes();
    idle_.emplace(bytes, std::move(buffer));
  }

 private:
  static constexpr std::size_t kSmall = 4096;
  std::mutex mutex_;
  std::multimap<std::size_t, PinnedBuffer> idle_;  // by size
};

class CopyUnderWay final : public PendingCopy {
 public:
  CopyUnderWay(HostBuffers& buffers, Stream stream, const void* from, std::size_t bytes)
      : buffers_(buffers), host_(buffers.take(bytes)) {
    cuda::start_copy_to_host(stream, host_, from, bytes);
    done_.record(stream);
  }
  ~CopyUnderWay() override { buffers_.give_back(std::move(host_)); }
  bool ready() const override { return done_.reached(); }
  const void* wait() override {
    done_.synchronize();
    return host_.data();
  }

 private:
  HostBuffers& buffers_;
  PinnedBuffer host_;
  Event done_;
};

// ---- recorded work

class RecordedGraph final : public RecordedWork {
 public:
  RecordedGraph(Stream stream, int device, const std::function<void()>& work)
      : stream_(stream), device_(device), arena_(memory_pool(), stream), graph_(capture(work)) {
    arena_.close();
  }
  void run() override {
    select_device(device_);
    graph_.run(stream_);
  }

 private:
  Graph capture(const std::function<void()>& work) {
    Capture captured(stream_);
    work();
    return captured.finish();
  }

  Stream stream_;
  int device_;
  MemoryArena arena_;  // outlives the graph, which uses its blocks
  Graph graph_;
};

// ---- the back end

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(int device)
      : device_(device),
        stream_(stream_on(device)),
        pool_(memory_pool()),
        contractions_(make_contractions(stream_, device)),
        step_kernels_(stream_) {}

  std::string name() const override { return "cuda:" + std::to_string(device_); }
  bool computes(DType type) const override { return type == DType::f32 || type == DType::f16 || type == DType::bf16; }

  void synchronize() override { stream().synchronize(); }
  std::unique_ptr<PendingCopy> start_copy_to_host(const void* from, std::size_t bytes) override {
    return std::make_unique<CopyUnderWay>(host_buffers_, stream(), from, bytes);
  }
  std::unique_ptr<RecordedWork> record(std::function<void()> work) override {
    return std::make_unique<RecordedGraph>(stream(), device_, work);
  }

  void* allocate(std::size_t bytes) override { return pool_.allocate(stream(), bytes); }
  void release(void* data, std::size_t) noexcept override { pool_.release(data); }
  void copy_from_host(void* to, const void* host, std::size_t bytes) override {
    copy_to_device(stream(), to, host, bytes);
  }
  void copy_to_host(void* host, const void* from, std::size_t bytes) override {
    cuda::copy_to_host(stream(), host, from, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) override { copy_on_device(stream(), to, from, bytes); }

  void fill(const View& y, double value) override { cuda::fill(stream(), y, value); }
  void cast(const ConstView& x, const View& y) override { cuda::cast(stream(), x, y); }
  void unary(Unary f, const ConstView& x, const View& y) override { cuda::unary(stream(), f, x, y); }
  void binary(Binary f, const ConstView& a, const ConstView& b, const View& y) override {
    cuda::binary(stream(), f, a, b, y);
  }
  void affine(const ConstView& x, double scale, double shift, const View& y) override {
    cuda::affine(stream(), x, scale, shift, y);
  }
  void select(const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) override {
    cuda::select(stream(), mask, a, b, y);
  }

  void reduce_sum(const ConstView& x, const View& y) override { cuda::reduce_sum(stream(), x, y); }
  void expand(const ConstView& x, const View& y) override { cuda::expand(stream(), x, y); }
  void read_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) override {
    cuda::read_slice(stream(), x, axis, begin, y);
  }
  void write_slice(const ConstView& x, int axis, std::int64_t begin, const View& y) override {
    cuda::write_slice(stream(), x, axis, begin, y);
  }
  void gather(const ConstView& x, const ConstView& indices, const View& y) override {
    cuda::gather(stream(), x, indices, y);
  }
  void scatter(const ConstView& x, const ConstView& indices, const View& y) override {
    cuda::scatter(stream(), x, indices, y);
  }

  void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) override {
    select_device(device_);
    contractions_->matmul(a, transpose_a, b, transpose_b, y);
  }
  void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) override {
    select_device(device_);
    contractions_->conv2d(x, weight, options, y);
  }
  void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                             const View& grad_x) override {
    select_device(device_);
    contractions_->conv2d_input_gradient(grad_output, weight, options, grad_x);
  }
  void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                              const View& grad_weight) override {
    select_device(device_);
    contractions_->conv2d_weight_gradient(x, grad_output, options, grad_weight);
  }

  void max_pool2d(const ConstView& x, const Pool2d& options, const View& y, const View& indices) override {
    cuda::max_pool2d(stream(), x, options, y, indices);
  }
  void max_pool2d_gradient(const ConstView& grad_output, const ConstView& indices, const Pool2d& options,
                           const View& grad_x) override {
    cuda::max_pool2d_gradient(stream(), grad_output, indices, options, grad_x);
  }
  void average_pool2d(const ConstView& x, const Pool2d& options, const View& y) override {
    cuda::average_pool2d(stream(), x, options, y);
  }
  void average_pool2d_gradient(const ConstView& grad_output, const Pool2d& options, const View& grad_x) override {
    cuda::average_pool2d_gradient(stream(), grad_output, options, grad_x);
  }

  void channel_affine(const ConstView& x, const ConstView& scale, const ConstView& shift, const ConstView* residual,
                      bool relu, const View& y) override {
    cuda::channel_affine(stream(), x, scale, shift, residual, relu, y);
  }
  void batch_norm_training(const ConstView& x, const ConstView& gamma, const ConstView& beta, const ConstView* residual,
                           const BatchNorm& options, const View& y, const View& mean, const View& variance) override {
    cuda::batch_norm_training(stream(), x, gamma, beta, residual, options, y, mean, variance);
  }
  void batch_norm_gradient(const ConstView& x, const ConstView& y, const ConstView& gamma, const ConstView& mean,
                           const ConstView& variance, const ConstView& grad_output, const BatchNorm& options,
                           const View& grad_x, const View& grad_gamma, const View& grad_beta,
                           const View* grad_residual) override {
    cuda::batch_norm_gradient(stream(), x, y, gamma, mean, variance, grad_output, options, grad_x, grad_gamma,
                              grad_beta, grad_residual);
  }

  void log_softmax(const ConstView& logits, const View& y) override { cuda::log_softmax(stream(), logits, y); }
  void softmax_cross_entropy(const ConstView& logits, const ConstView& labels, double label_smoothing,
                             const View& loss) override {
    cuda::softmax_cross_entropy(stream(), logits, labels, label_smoothing, loss);
  }
  void softmax_cross_entropy_gradient(const ConstView& logits, const ConstView& labels, double label_smoothing,
                                      const ConstView& grad_loss, const View& grad_logits) override {
    cuda::softmax_cross_entropy_gradient(stream(), logits, labels, label_smoothing, grad_loss, grad_logits);
  }

  void normal(std::uint64_t seed, std::uint64_t random_stream, const View& y) override {
    cuda::normal(stream(), seed, random_stream, y);
  }
  void uniform(std::uint64_t seed, std::uint64_t random_stream, const View& y) override {
    cuda::uniform(stream(), seed, random_stream, y);
  }

  double sum_of_squares(const ConstView& x) override { return cuda::sum_of_squares(stream(), x); }
  bool all_finite(const ConstView& x) override { return cuda::all_finite(stream(), x); }

  void sgd_step(const SgdStep& step, bool first, const ConstView& gradient, const View& parameter,
                const View& momentum) override {
    cuda::sgd_step(stream(), step, first, gradient, parameter, momentum);
  }
  void adam_step(const AdamStep& step, const ConstView& gradient, const View& parameter, const View& first_moment,
                 const View& second_moment) override {
    cuda::adam_step(stream(), step, gradient, parameter, first_moment, second_moment);
  }
  StepKernels& step_kernels() override { return step_kernels_; }

  std::unique_ptr<GridEngine> grid_engine(const GridWork& work) override {
    select_device(device_);
    return make_grid_engine(device_, work);
  }
  std::string grid_obstacle(const GridWork& work) const override { return cuda::grid_obstacle(device_, work); }

 private:
  static OwnedStream stream_on(int device) {
    select_device(device);
    return OwnedStream();
  }
  // The stream, after the calling thread has been turned to its device.
  Stream stream() const {
    select_device(device_);
    return stream_;
  }

  int device_;
  OwnedStream stream_;
  MemoryPool& pool_;
  HostBuffers host_buffers_;
  std::unique_ptr<Contractions> contractions_;
  CudaStepKernels step_kernels_;
};

}  // namespace

// Never destroyed: tensors held by statics are released after it would be.
Backend& cuda_backend(int device) {
  struct Backends {
    std::mutex mutex;
    std::map<int, CudaBackend> of_device;
  };
  static Backends& backends = *new Backends;
  const std::lock_guard lock(backends.mutex);
  const auto found = backends.of_device.find(device);
  if (found != backends.of_device.end()) return found->second;
  const std::string obstacle = device_obstacle(device);
  check(obstacle.empty(), obstacle);
  return backends.of_device.try_emplace(device, device).first->second;
}

}  // namespace basin::cuda
