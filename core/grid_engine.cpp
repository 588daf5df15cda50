#include "core/grid_engine.h"

#include "core/backend.h"
#include "core/error.h"

namespace basin {

std::unique_ptr<GridEngine> Backend::grid_engine(const GridWork& /*work*/) {
  fail("back end ", name(), ": no kernels for the points of a grid");
}

}  // namespace basin
