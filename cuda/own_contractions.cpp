#include "cuda/contractions.h"
#include "cuda/kernels/contraction/conv2d.h"
#include "cuda/kernels/contraction/matmul.h"

namespace basin::cuda {
namespace {

class OwnContractions final : public Contractions {
 public:
  explicit OwnContractions(Stream stream) : stream_(stream) {}

  void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) override {
    cuda::matmul(stream_, a, transpose_a, b, transpose_b, y);
  }
  void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) override {
    cuda::conv2d(stream_, x, weight, options, y);
  }
  void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                             const View& grad_x) override {
    cuda::conv2d_input_gradient(stream_, grad_output, weight, options, grad_x);
  }
  void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                              const View& grad_weight) override {
    cuda::conv2d_weight_gradient(stream_, x, grad_output, options, grad_weight);
  }

 private:
  Stream stream_;
};

}  // namespace

std::unique_ptr<Contractions> own_contractions(Stream stream) { return std::make_unique<OwnContractions>(stream); }

}  // namespace basin::cuda
