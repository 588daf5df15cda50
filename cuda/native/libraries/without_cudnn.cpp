// Where the toolkit has no cudnn.h of version 9.
#include "core/error.h"
#include "cuda/native/libraries/cudnn.h"

namespace basin::cuda {
namespace {

const char* const kNotBuilt = "cuDNN is not in this build: its toolkit had no cuDNN 9";

}  // namespace

FoundLibrary find_cudnn() { return {.name = "cuDNN", .version = "", .file = "", .obstacle = kNotBuilt}; }
std::unique_ptr<Convolutions> open_cudnn(Stream) { fail(kNotBuilt); }

}  // namespace basin::cuda
