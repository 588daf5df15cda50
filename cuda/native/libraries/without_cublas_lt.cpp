// Where the toolkit has no cublasLt.h.
#include "core/error.h"
#include "cuda/native/libraries/cublas_lt.h"

namespace basin::cuda {
namespace {

const char* const kNotBuilt = "cuBLASLt is not in this build: its toolkit had no cublasLt.h";

}  // namespace

FoundLibrary find_cublas_lt() { return {.name = "cuBLASLt", .version = "", .file = "", .obstacle = kNotBuilt}; }
std::unique_ptr<Products> open_cublas_lt(Stream) { fail(kNotBuilt); }

}  // namespace basin::cuda
