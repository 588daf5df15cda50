#include "cuda/native/libraries/cudnn.h"

#include <array>
#include <functional>
#include <limits>
#include <map>
#include <span>

#include "cuda/native/libraries/cudnn_functions.h"

namespace basin::cuda {
namespace {

constexpr std::size_t kWorkspaceLimit = std::size_t{256} << 20;  // bytes
constexpr std::uintptr_t kAlignment = 16;                        // bytes, that its vectorised kernels load
constexpr int kMostAlgorithms = 16;  // more than cuDNN lists, twice each with two math types
const float kOne = 1, kZero = 0;

template <class Descriptor>
using Owned = std::unique_ptr<std::remove_pointer_t<Descriptor>, cudnnStatus_t (*)(Descriptor)>;

cudnnDataType_t cudnn_type(DType type) {
  return type == DType::f16 ? CUDNN_DATA_HALF : type == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

bool aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % kAlignment == 0; }

// cuDNN counts in int.
bool countable(const ConvolutionCase& c) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  return c.x.count() <= kMost && c.weight.count() <= kMost && c.y.count() <= kMost;
}

// How a case is computed: nothing in `start` where cuDNN does not.
struct Plan {
  Owned<cudnnTensorDescriptor_t> x, y;
  Owned<cudnnFilterDescriptor_t> weight;
  Owned<cudnnConvolutionDescriptor_t> convolution;
  std::size_t workspace_bytes = 0;
  std::function<cudnnStatus_t(const void* a, const void* b, void* workspace, void* output)> start{};
};

class CudnnConvolutions final : public Convolutions {
 public:
  explicit CudnnConvolutions(Stream stream) : stream_(stream), handle_(nullptr, functions_.destroy) {
    cudnnHandle_t handle = nullptr;
    check_status(functions_.create(&handle), "cudnnCreate");
    handle_.reset(handle);
    check_status(functions_.set_stream(handle, stream.handle()), "cudnnSetStream");
  }

  bool run(const ConvolutionCase& convolution, const void* a, const void* b, void* output) override {
    if (convolution.empty() || !countable(convolution)) return false;
    if (!aligned(a) || !aligned(b) || !aligned(output)) return false;
    Plan& plan = plan_of(convolution);
    if (!plan.start) return false;
    const DeviceBuffer workspace(stream_, plan.workspace_bytes);
    // cudnnConvolutionBackwardData takes the weight first.
    if (convolution.kind == ConvolutionKind::input_gradient) std::swap(a, b);
    const cudnnStatus_t status = plan.start(a, b, workspace.data(), output);
    if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) {
      plan.start = nullptr;
      return false;
    }
    check_status(status, "the convolution of ", convolution.x, " with ", convolution.weight);
    return true;
  }

 private:
  template <class... What>
  void check_status(cudnnStatus_t status, const What&... what) const {
    check(status == CUDNN_STATUS_SUCCESS, "cuDNN: ", what..., ": ", functions_.get_error_string(status),
          " (BASIN_CUDA_CONVOLUTIONS=own does without cuDNN)");
  }

  template <class Descriptor>
  Owned<Descriptor> make(cudnnStatus_t (*create)(Descriptor*), cudnnStatus_t (*destroy)(Descriptor)) const {
    Descriptor descriptor = nullptr;
    check_status(create(&descriptor), "a descriptor");
    return {descriptor, destroy};
  }

  Owned<cudnnTensorDescriptor_t> describe_images(const Shape& shape, DType type) const {
    auto tensor = make(functions_.create_tensor, functions_.destroy_tensor);
    const auto extent = [&](std::size_t axis) { return static_cast<int>(shape[axis]); };
    check_status(functions_.set_tensor(tensor.get(), CUDNN_TENSOR_NHWC, cudnn_type(type), extent(0), extent(3),
                                       extent(1), extent(2)),
                 "a tensor ", shape);
    return tensor;
  }

  Owned<cudnnFilterDescriptor_t> describe_filters(const Shape& shape, DType type) const {
    auto filter = make(functions_.create_filter, functions_.destroy_filter);
    const auto extent = [&](std::size_t axis) { return static_cast<int>(shape[axis]); };
    check_status(functions_.set_filter(filter.get(), cudnn_type(type), CUDNN_TENSOR_NHWC, extent(0), extent(3),
                                       extent(1), extent(2)),
                 "a filter ", shape);
    return filter;
  }

  Owned<cudnnConvolutionDescriptor_t> describe_convolution(const Conv2d& options) const {
    auto convolution = make(functions_.create_convolution, functions_.destroy_convolution);
    const int padding = static_cast<int>(options.padding), stride = static_cast<int>(options.stride);
    check_status(functions_.set_convolution(convolution.get(), padding, padding, stride, stride, 1, 1,
                                            CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                 "a convolution of stride ", stride);
    check_status(functions_.set_group_count(convolution.get(), static_cast<int>(options.groups)), options.groups,
                 " groups");
    return convolution;
  }

  // The first algorithm of cuDNN's own ranking that is deterministic and needs no more than the limit. The three
  // convolutions differ in their functions and in the descriptors of their operands and output.
  template <class Performance, class Rank, class Workspace, class Start, class A, class B, class Output>
  void choose(Plan& plan, DType type, Rank rank, Workspace workspace, Start start, A a, B b, Output output) const {
    const cudnnHandle_t handle = handle_.get();
    const cudnnConvolutionDescriptor_t convolution = plan.convolution.get();
    // FMA keeps f32 from being rounded to TF32.
    const auto allowed = type == DType::f32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH;
    check_status(functions_.set_math_type(convolution, allowed), "the type of arithmetic");
    std::array<Performance, kMostAlgorithms> ranking{};
    int count = 0;
    if (rank(handle, a, b, convolution, output, kMostAlgorithms, &count, ranking.data()) != CUDNN_STATUS_SUCCESS)
      return;
    for (const Performance& candidate : std::span(ranking).first(static_cast<std::size_t>(count))) {
      if (candidate.status != CUDNN_STATUS_SUCCESS || candidate.determinism != CUDNN_DETERMINISTIC) continue;
      const auto math = type == DType::f32 ? CUDNN_FMA_MATH : candidate.mathType;
      check_status(functions_.set_math_type(convolution, math), "the type of arithmetic");
      std::size_t bytes = 0;
      const auto algorithm = candidate.algo;
      if (workspace(handle, a, b, convolution, output, algorithm, &bytes) != CUDNN_STATUS_SUCCESS) continue;
      if (bytes > kWorkspaceLimit) continue;
      plan.workspace_bytes = bytes;
      plan.start = [=](const void* a_data, const void* b_data, void* space, void* output_data) {
        return start(handle, &kOne, a, a_data, b, b_data, convolution, algorithm, space, bytes, &kZero, output,
                     output_data);
      };
      return;
    }
  }

  Plan make_plan(const ConvolutionCase& c) const {
    Plan plan{describe_images(c.x, c.type), describe_images(c.y, c.type), describe_filters(c.weight, c.type),
              describe_convolution(c.options)};
    const cudnnTensorDescriptor_t x = plan.x.get(), y = plan.y.get();
    const cudnnFilterDescriptor_t weight = plan.weight.get();
    const CudnnFunctions& f = functions_;
    switch (c.kind) {
      case ConvolutionKind::forward:
        choose<cudnnConvolutionFwdAlgoPerf_t>(plan, c.type, f.rank_forward, f.forward_workspace, f.forward, x, weight,
                                              y);
        break;
      case ConvolutionKind::input_gradient:
        choose<cudnnConvolutionBwdDataAlgoPerf_t>(plan, c.type, f.rank_input_gradient, f.input_gradient_workspace,
                                                  f.input_gradient, weight, y, x);
        break;
      case ConvolutionKind::weight_gradient:
        choose<cudnnConvolutionBwdFilterAlgoPerf_t>(plan, c.type, f.rank_weight_gradient, f.weight_gradient_workspace,
                                                    f.weight_gradient, x, y, weight);
        break;
    }
    return plan;
  }

  Plan& plan_of(const ConvolutionCase& c) {
    const auto found = plans_.find(c);
    if (found != plans_.end()) return found->second;
    return plans_.emplace(c, make_plan(c)).first->second;
  }

  Stream stream_;
  CudnnFunctions functions_;
  Owned<cudnnHandle_t> handle_;
  std::map<ConvolutionCase, Plan> plans_;
};

}  // namespace

FoundLibrary find_cudnn() { return find_library<CudnnFunctions>("cuDNN"); }
std::unique_ptr<Convolutions> open_cudnn(Stream stream) { return std::make_unique<CudnnConvolutions>(stream); }

}  // namespace basin::cuda
