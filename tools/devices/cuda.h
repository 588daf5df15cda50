// What a build says of GPUs; with_cuda.cpp or without_cuda.cpp, as the build has the CUDA back end or not.
#pragma once
#include <string>

#include "core/backend.h"

namespace basin {

// GPUs that the driver lists; where there are none, `*reason` says why in one line.
int cuda_device_count(std::string* reason);
// Why `device` cannot be computed on, in one line; "": it can.
std::string cuda_obstacle(int device);
std::string cuda_device_text(int device);  // "NVIDIA H200, compute capability 9.0"
double cuda_tensor_core_limit(int device, DType type);
Backend& cuda_backend_of(int device);  // Error where there is an obstacle

}  // namespace basin
