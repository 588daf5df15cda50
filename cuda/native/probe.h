// Whether the kernels of this build run on the selected device.
#pragma once
#include <cuda_runtime.h>

namespace basin::cuda {

// Loads a kernel as a launch would. All kernels are compiled for the same architectures.
cudaError_t load_probe_kernel();

}  // namespace basin::cuda
