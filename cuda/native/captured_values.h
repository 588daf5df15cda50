// Values of the host that a graph copies to the device.
#pragma once
#include <cuda_runtime.h>

#include "cuda/runtime.h"

namespace basin::cuda {

// Where `stream` captures: a copy of the values that lives as long as the graph. Else `host`. (graph.cpp)
const void* values_for_graph(cudaStream_t stream, const void* host, std::size_t bytes, const Site& site);

}  // namespace basin::cuda
