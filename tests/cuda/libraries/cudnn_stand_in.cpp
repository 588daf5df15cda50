// A libcudnn.so.9 that computes on the host, in loops, what Basin asks of cuDNN. It offers four algorithms of which one
// may be taken: the first is not deterministic, the second needs too much memory, the last is slow. It fails where an
// algorithm is run with another workspace or arithmetic than it was offered for.
#include <cudnn.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/cuda/libraries/element.h"

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct {
  int n = 0, c = 0, h = 0, w = 0;
  basin::DType type = basin::DType::f32;
};
struct cudnnFilterStruct {
  int k = 0, c = 0, r = 0, s = 0;
  basin::DType type = basin::DType::f32;
};
struct cudnnConvolutionStruct {
  int padding = 0, stride = 0, groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};

namespace {

using basin::element;

constexpr int kNotDeterministic = 0, kGreedy = 1, kRight = 2, kSlow = 3;
constexpr int kRefusedStride = 3;                                       // no algorithm is offered
constexpr int kRefusedLateStride = 4;                                   // the algorithm refuses when it is run
constexpr std::size_t kWorkspace = 100, kGreed = std::size_t{1} << 32;  // bytes

basin::DType type_of(cudnnDataType_t type) {
  return type == CUDNN_DATA_HALF       ? basin::DType::f16
         : type == CUDNN_DATA_BFLOAT16 ? basin::DType::bf16
                                       : basin::DType::f32;
}

cudnnMathType_t right_math(basin::DType type) {
  return type == basin::DType::f32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH;
}

template <class Performance>
cudnnStatus_t rank(const cudnnConvolutionStruct& convolution, int wanted, int* count, Performance* ranking) {
  *count = 0;
  if (convolution.stride == kRefusedStride) return CUDNN_STATUS_NOT_SUPPORTED;
  for (const int algorithm : {kNotDeterministic, kGreedy, kRight, kSlow}) {
    if (*count == wanted) break;
    Performance& entry = ranking[(*count)++];
    entry.algo = static_cast<decltype(entry.algo)>(algorithm);
    entry.status = CUDNN_STATUS_SUCCESS;
    entry.determinism = algorithm == kNotDeterministic ? CUDNN_NON_DETERMINISTIC : CUDNN_DETERMINISTIC;
    entry.mathType = CUDNN_TENSOR_OP_MATH;  // f32 included: it is for the caller to keep to FMA
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t workspace(int algorithm, std::size_t* bytes) {
  *bytes = algorithm == kGreedy ? kGreed : kWorkspace;
  return CUDNN_STATUS_SUCCESS;
}

// Calls visit(i, j, l): x[i] * weight[j] is a term of y[l].
template <class Visit>
void for_each_term(const cudnnTensorStruct& x, const cudnnFilterStruct& f, const cudnnTensorStruct& y,
                   const cudnnConvolutionStruct& c, const Visit& visit) {
  const int group_outputs = f.k / c.groups;
  for (int n = 0; n < y.n; ++n)
    for (int p = 0; p < y.h; ++p)
      for (int q = 0; q < y.w; ++q)
        for (int k = 0; k < f.k; ++k)
          for (int r = 0; r < f.r; ++r)
            for (int s = 0; s < f.s; ++s) {
              const int h = p * c.stride - c.padding + r, w = q * c.stride - c.padding + s;
              if (h < 0 || h >= x.h || w < 0 || w >= x.w) continue;
              for (int channel = 0; channel < f.c; ++channel) {
                const int in = k / group_outputs * f.c + channel;
                visit(((n * x.h + h) * x.w + w) * x.c + in, ((k * f.r + r) * f.s + s) * f.c + channel,
                      ((n * y.h + p) * y.w + q) * y.c + k);
              }
            }
}

// Checks how an algorithm is run, sums in float and writes the output.
template <class Sum>
cudnnStatus_t run(const cudnnConvolutionStruct& convolution, int algorithm, const void* space, std::size_t bytes,
                  const void* alpha, const void* beta, basin::DType type, std::int64_t outputs, void* output,
                  const Sum& sum) {
  if (convolution.stride == kRefusedLateStride) return CUDNN_STATUS_NOT_SUPPORTED;
  const bool scaled = *static_cast<const float*>(alpha) == 1 && *static_cast<const float*>(beta) == 0;
  if (algorithm != kRight || bytes != kWorkspace || !space || !scaled) return CUDNN_STATUS_BAD_PARAM;
  if (convolution.math != right_math(type)) return CUDNN_STATUS_BAD_PARAM;
  std::vector<float> sums(static_cast<std::size_t>(outputs));
  sum(sums);
  for (std::int64_t i = 0; i < outputs; ++i) basin::set_element(output, type, i, sums[static_cast<std::size_t>(i)]);
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t create(T** made) {
  *made = new T;
  return CUDNN_STATUS_SUCCESS;
}
template <class T>
cudnnStatus_t destroy(T* made) {
  delete made;
  return CUDNN_STATUS_SUCCESS;
}

std::int64_t count(const cudnnTensorStruct& t) { return std::int64_t{t.n} * t.c * t.h * t.w; }
std::int64_t count(const cudnnFilterStruct& f) { return std::int64_t{f.k} * f.c * f.r * f.s; }

}  // namespace

std::size_t cudnnGetVersion() { return CUDNN_VERSION; }
const char* cudnnGetErrorString(cudnnStatus_t) { return "refused by the stand-in"; }
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) { return create(handle); }
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) { return destroy(handle); }
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* made) { return create(made); }
cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t made) { return destroy(made); }
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NHWC) return CUDNN_STATUS_BAD_PARAM;
  *tensor = {n, c, h, w, type_of(type)};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* made) { return create(made); }
cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t made) { return destroy(made); }
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int r, int s) {
  if (format != CUDNN_TENSOR_NHWC) return CUDNN_STATUS_BAD_PARAM;
  *filter = {k, c, r, s, type_of(type)};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* made) { return create(made); }
cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t made) { return destroy(made); }
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int padding_h, int padding_w,
                                              int stride_h, int stride_w, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t sums) {
  const bool square = padding_h == padding_w && stride_h == stride_w && dilation_h == 1 && dilation_w == 1;
  if (!square || mode != CUDNN_CROSS_CORRELATION || sums != CUDNN_DATA_FLOAT) return CUDNN_STATUS_BAD_PARAM;
  convolution->padding = padding_h;
  convolution->stride = stride_h;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convolution, int groups) {
  convolution->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution, cudnnMathType_t math) {
  convolution->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                     const cudnnFilterDescriptor_t,
                                                     const cudnnConvolutionDescriptor_t convolution,
                                                     const cudnnTensorDescriptor_t, const int wanted, int* found,
                                                     cudnnConvolutionFwdAlgoPerf_t* ranking) {
  return rank(*convolution, wanted, found, ranking);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t,
                                                          const cudnnTensorDescriptor_t,
                                                          const cudnnConvolutionDescriptor_t convolution,
                                                          const cudnnTensorDescriptor_t, const int wanted, int* found,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* ranking) {
  return rank(*convolution, wanted, found, ranking);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                            const cudnnTensorDescriptor_t,
                                                            const cudnnConvolutionDescriptor_t convolution,
                                                            const cudnnFilterDescriptor_t, const int wanted, int* found,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* ranking) {
  return rank(*convolution, wanted, found, ranking);
}
cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t,
                                                      const cudnnFilterDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                      const cudnnTensorDescriptor_t,
                                                      cudnnConvolutionFwdAlgo_t algorithm, std::size_t* bytes) {
  return workspace(algorithm, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(
    cudnnHandle_t, const cudnnFilterDescriptor_t, const cudnnTensorDescriptor_t, const cudnnConvolutionDescriptor_t,
    const cudnnTensorDescriptor_t, cudnnConvolutionBwdDataAlgo_t algorithm, std::size_t* bytes) {
  return workspace(algorithm, bytes);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(
    cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t, const cudnnConvolutionDescriptor_t,
    const cudnnFilterDescriptor_t, cudnnConvolutionBwdFilterAlgo_t algorithm, std::size_t* bytes) {
  return workspace(algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t, const void* alpha, const cudnnTensorDescriptor_t x,
                                      const void* x_data, const cudnnFilterDescriptor_t f, const void* f_data,
                                      const cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t algorithm,
                                      void* space, std::size_t bytes, const void* beta, const cudnnTensorDescriptor_t y,
                                      void* y_data) {
  return run(*c, algorithm, space, bytes, alpha, beta, y->type, count(*y), y_data, [&](std::vector<float>& sums) {
    for_each_term(*x, *f, *y, *c, [&](int i, int j, int l) {
      sums[static_cast<std::size_t>(l)] += element(x_data, x->type, i) * element(f_data, f->type, j);
    });
  });
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t, const void* alpha, const cudnnFilterDescriptor_t f,
                                           const void* f_data, const cudnnTensorDescriptor_t y, const void* y_data,
                                           const cudnnConvolutionDescriptor_t c,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* space, std::size_t bytes,
                                           const void* beta, const cudnnTensorDescriptor_t x, void* x_data) {
  return run(*c, algorithm, space, bytes, alpha, beta, x->type, count(*x), x_data, [&](std::vector<float>& sums) {
    for_each_term(*x, *f, *y, *c, [&](int i, int j, int l) {
      sums[static_cast<std::size_t>(i)] += element(y_data, y->type, l) * element(f_data, f->type, j);
    });
  });
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t, const void* alpha, const cudnnTensorDescriptor_t x,
                                             const void* x_data, const cudnnTensorDescriptor_t y, const void* y_data,
                                             const cudnnConvolutionDescriptor_t c,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* space, std::size_t bytes,
                                             const void* beta, const cudnnFilterDescriptor_t f, void* f_data) {
  return run(*c, algorithm, space, bytes, alpha, beta, f->type, count(*f), f_data, [&](std::vector<float>& sums) {
    for_each_term(*x, *f, *y, *c, [&](int i, int j, int l) {
      sums[static_cast<std::size_t>(j)] += element(x_data, x->type, i) * element(y_data, y->type, l);
    });
  });
}
