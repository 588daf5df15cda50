// core/grid_engine.h for CUDA: chunks of points in a stream of their own.
#pragma once
#include <memory>
#include <string>

#include "core/grid_engine.h"

namespace basin::cuda {

// On `device`, the selected one. Takes fewer points at once where memory is short; OutOfMemory where it does not do for
// one. Error where there is an obstacle.
std::unique_ptr<GridEngine> make_grid_engine(int device, const GridWork& work);

// Why `device` has no kernels for the plan, arithmetic and statistics of the work, in one line; "": it has.
std::string grid_obstacle(int device, const GridWork& work);

}  // namespace basin::cuda
