// The portable CPU engine: oneDNN float32 with fused epilogues, a block of images through the whole network while hot
// in the second-level cache, one grid point per thread.
#pragma once
#include <memory>

#include "landscape/engine_request.h"

namespace basin {

// It computes in float32 whatever the precision.
std::unique_ptr<Evaluator> make_onednn_evaluator(const EngineRequest& request);

}  // namespace basin
