// Checks of calls of the CUDA runtime: a failure is an Error that names the call, the error and the call site.
#pragma once
#include <cuda_runtime.h>

#include <source_location>

#include "core/error.h"

namespace basin::cuda {

inline void check_call(cudaError_t status, const char* call, const std::source_location& site) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // an error that is not sticky is reported once
  fail(site.file_name(), ":", site.line(), ": ", call, ": ", cudaGetErrorName(status), ", ",
       cudaGetErrorString(status));
}

}  // namespace basin::cuda

#define CUDA_CHECK_AT(site, call) ::basin::cuda::check_call((call), #call, (site))
#define CUDA_CHECK(call) CUDA_CHECK_AT(std::source_location::current(), call)
