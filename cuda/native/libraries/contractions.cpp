// Convolutions by cuDNN and matrix products by cuBLASLt where they are found and compute the case, else by Basin's own
// kernels.
#include "cuda/contractions.h"

#include <cstdlib>
#include <mutex>

#include "core/choice.h"
#include "cuda/native/libraries/convolution_timer.h"
#include "cuda/native/libraries/cublas_lt.h"
#include "cuda/native/libraries/cudnn.h"

namespace basin::cuda {
namespace {

// What a user asks for: the default uses a library if it is found; the others need it or do without it.
enum class Use { by_default, own, library };

Use use_from_environment(const char* variable, std::string_view library) {
  const char* text = std::getenv(variable);
  if (!text) return Use::by_default;
  return parse_choice(variable, text, {Choice<Use>{"own", Use::own}, {library, Use::library}});
}

template <class Library>
std::unique_ptr<Library> open(Use use, FoundLibrary (*find)(), std::unique_ptr<Library> (*open_library)(Stream),
                              Stream stream) {
  const bool wanted = use == Use::library || (use == Use::by_default && find().obstacle.empty());
  return wanted ? open_library(stream) : nullptr;
}

// The choice without a measurement, by the shape alone, so that the same run gives the same bits: cuDNN, except where
// its tensor-core kernels for half precision would need the channels padded, to a multiple of 8.
bool cudnn_suits(const ConvolutionCase& c) {
  constexpr std::int64_t kChannels = 8;
  return c.type == DType::f32 || (c.input_channels() % kChannels == 0 && c.output_channels() % kChannels == 0);
}

class LibraryContractions final : public Contractions {
 public:
  explicit LibraryContractions(Stream stream)
      : own_(own_contractions(stream)),
        use_cudnn_(use_from_environment("BASIN_CUDA_CONVOLUTIONS", "cudnn")),
        cudnn_(open(use_cudnn_, find_cudnn, open_cudnn, stream)),
        products_(
            open(use_from_environment("BASIN_CUDA_PRODUCTS", "cublaslt"), find_cublas_lt, open_cublas_lt, stream)) {
    const char* tune = std::getenv("BASIN_CUDA_TUNE");
    if (tune && std::string_view(tune) == "1" && cudnn_ && use_cudnn_ == Use::by_default)
      timer_ = std::make_unique<ConvolutionTimer>();
  }

  void matmul(const ConstView& a, bool transpose_a, const ConstView& b, bool transpose_b, const View& y) override {
    const std::lock_guard lock(mutex_);
    if (!products_ || !products_->matmul(a, transpose_a, b, transpose_b, y))
      own_->matmul(a, transpose_a, b, transpose_b, y);
  }
  void conv2d(const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) override {
    convolve({ConvolutionKind::forward, x.dtype, options, x.shape, weight.shape, y.shape}, x, weight, y);
  }
  void conv2d_input_gradient(const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                             const View& grad_x) override {
    convolve({ConvolutionKind::input_gradient, grad_x.dtype, options, grad_x.shape, weight.shape, grad_output.shape},
             grad_output, weight, grad_x);
  }
  void conv2d_weight_gradient(const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                              const View& grad_weight) override {
    convolve({ConvolutionKind::weight_gradient, x.dtype, options, x.shape, grad_weight.shape, grad_output.shape}, x,
             grad_output, grad_weight);
  }

 private:
  void convolve(const ConvolutionCase& c, const ConstView& a, const ConstView& b, const View& output) {
    const std::lock_guard lock(mutex_);
    if (!(takes_cudnn(c) && cudnn_->run(c, a.data, b.data, output.data)))
      run_convolution(*own_, c, a.data, b.data, output.data);
  }

  bool takes_cudnn(const ConvolutionCase& c) {
    if (!cudnn_ || c.empty()) return false;
    if (timer_) return timer_->cudnn_is_faster(c);
    return use_cudnn_ == Use::library || cudnn_suits(c);
  }

  std::unique_ptr<Contractions> own_;
  Use use_cudnn_;
  std::unique_ptr<Convolutions> cudnn_;
  std::unique_ptr<Products> products_;
  std::unique_ptr<ConvolutionTimer> timer_;  // with BASIN_CUDA_TUNE=1
  std::mutex mutex_;                         // the libraries' handles and what is kept of cases
};

}  // namespace

std::unique_ptr<Contractions> make_contractions(Stream stream, int) {
  return std::make_unique<LibraryContractions>(stream);
}

}  // namespace basin::cuda
