// The CPU engine for processors with AVX-512 or AVX2: 3 x 3 convolutions of stride 1 by Winograd's algorithm in
// float32, everything else by oneDNN, layer by layer.
#pragma once
#include <memory>
#include <string>

#include "landscape/engine_request.h"

namespace basin {

// Why this process cannot run it, "" if it can.
std::string vector_obstacle();

// Of the plan's multiply-adds, those that run on its kernels; 0 to 1.
double vector_share(const EngineRequest& request);

// vector_obstacle() is "". Always "exact (fp32)".
std::unique_ptr<Evaluator> make_vector_evaluator(const EngineRequest& request);

}  // namespace basin
