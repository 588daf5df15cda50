#include "cuda/native/libraries/cublas_lt.h"
#include "cuda/native/libraries/cudnn.h"

namespace basin::cuda {

std::vector<FoundLibrary> find_libraries() { return {find_cudnn(), find_cublas_lt()}; }

}  // namespace basin::cuda
