// Starting a kernel on a GPU.
#pragma once
#include <cstddef>
#include <source_location>
#include <type_traits>

#include "cuda/error.h"

namespace basin::cuda {

template <class... P>
void start_kernel(cudaStream_t stream, dim3 grid, dim3 block, std::size_t shared_bytes,
                  const std::source_location& site, void (*kernel)(P...), std::type_identity_t<P>... args) {
  constexpr std::size_t kWithoutAsking = 48 << 10;  // more dynamic shared memory is given to those who ask
  if (shared_bytes > kWithoutAsking)
    CUDA_CHECK_AT(site, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             static_cast<int>(shared_bytes)));
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  CUDA_CHECK_AT(site, cudaLaunchKernelEx(&config, kernel, args...));
}

}  // namespace basin::cuda
