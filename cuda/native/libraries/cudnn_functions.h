// The functions of cuDNN that Basin calls.
#pragma once
#include <cudnn.h>

#include "cuda/native/libraries/dynamic_library.h"

namespace basin::cuda {

// Each is resolved when the table is made: Error where one is missing.
struct CudnnFunctions {
  DynamicLibrary library{"libcudnn.so." + std::to_string(CUDNN_MAJOR)};

  decltype(&cudnnGetVersion) get_version = library["cudnnGetVersion"];
  decltype(&cudnnGetErrorString) get_error_string = library["cudnnGetErrorString"];
  decltype(&cudnnCreate) create = library["cudnnCreate"];
  decltype(&cudnnDestroy) destroy = library["cudnnDestroy"];
  decltype(&cudnnSetStream) set_stream = library["cudnnSetStream"];

  decltype(&cudnnCreateTensorDescriptor) create_tensor = library["cudnnCreateTensorDescriptor"];
  decltype(&cudnnSetTensor4dDescriptor) set_tensor = library["cudnnSetTensor4dDescriptor"];
  decltype(&cudnnDestroyTensorDescriptor) destroy_tensor = library["cudnnDestroyTensorDescriptor"];
  decltype(&cudnnCreateFilterDescriptor) create_filter = library["cudnnCreateFilterDescriptor"];
  decltype(&cudnnSetFilter4dDescriptor) set_filter = library["cudnnSetFilter4dDescriptor"];
  decltype(&cudnnDestroyFilterDescriptor) destroy_filter = library["cudnnDestroyFilterDescriptor"];
  decltype(&cudnnCreateConvolutionDescriptor) create_convolution = library["cudnnCreateConvolutionDescriptor"];
  decltype(&cudnnSetConvolution2dDescriptor) set_convolution = library["cudnnSetConvolution2dDescriptor"];
  decltype(&cudnnSetConvolutionGroupCount) set_group_count = library["cudnnSetConvolutionGroupCount"];
  decltype(&cudnnSetConvolutionMathType) set_math_type = library["cudnnSetConvolutionMathType"];
  decltype(&cudnnDestroyConvolutionDescriptor) destroy_convolution = library["cudnnDestroyConvolutionDescriptor"];

  decltype(&cudnnGetConvolutionForwardAlgorithm_v7) rank_forward = library["cudnnGetConvolutionForwardAlgorithm_v7"];
  decltype(&cudnnGetConvolutionForwardWorkspaceSize) forward_workspace =
      library["cudnnGetConvolutionForwardWorkspaceSize"];
  decltype(&cudnnConvolutionForward) forward = library["cudnnConvolutionForward"];

  decltype(&cudnnGetConvolutionBackwardDataAlgorithm_v7) rank_input_gradient =
      library["cudnnGetConvolutionBackwardDataAlgorithm_v7"];
  decltype(&cudnnGetConvolutionBackwardDataWorkspaceSize) input_gradient_workspace =
      library["cudnnGetConvolutionBackwardDataWorkspaceSize"];
  decltype(&cudnnConvolutionBackwardData) input_gradient = library["cudnnConvolutionBackwardData"];

  decltype(&cudnnGetConvolutionBackwardFilterAlgorithm_v7) rank_weight_gradient =
      library["cudnnGetConvolutionBackwardFilterAlgorithm_v7"];
  decltype(&cudnnGetConvolutionBackwardFilterWorkspaceSize) weight_gradient_workspace =
      library["cudnnGetConvolutionBackwardFilterWorkspaceSize"];
  decltype(&cudnnConvolutionBackwardFilter) weight_gradient = library["cudnnConvolutionBackwardFilter"];
};

}  // namespace basin::cuda
