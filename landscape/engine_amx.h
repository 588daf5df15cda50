// The CPU engine for processors with AMX: bf16 products of tiles, activations of a block of images in cache through the
// whole network, one grid point a thread. What the tiles cannot do runs by oneDNN, layer by layer, inside it.
#pragma once
#include <memory>
#include <string>

#include "landscape/engine_request.h"

namespace basin {

// Why this process cannot run it, "" if it can.
std::string amx_obstacle();

// Of the plan's multiply-adds, those that run on tiles; 0 to 1.
double amx_share(const EngineRequest& request);

// exact: every number is a bf16 and its rest, three products each ("exact (bf16x3)"); fast: one bf16 ("fast (bf16)").
// amx_obstacle() is "".
std::unique_ptr<Evaluator> make_amx_evaluator(const EngineRequest& request);

}  // namespace basin
