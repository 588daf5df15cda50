// The emulated device needs nothing of NVIDIA's.
#include "cuda/installation.h"

namespace basin::cuda {

Versions versions() { return {"emulated", "emulated", "90"}; }

std::vector<FoundLibrary> find_libraries() { return {}; }

}  // namespace basin::cuda
