#include "core/grid_engine.h"

#include "core/backend.h"
#include "core/error.h"

namespace basin {

std::unique_ptr<GridEngine> Backend::grid_engine(const GridWork& work) { fail(grid_obstacle(work)); }

std::string Backend::grid_obstacle(const GridWork& /*work*/) const {
  return "back end " + name() + " has no kernels for grids of points";
}

}  // namespace basin
