#include "tools/version.h"

#ifndef BASIN_VERSION
#error "BASIN_VERSION is set by tools/CMakeLists.txt"
#endif

namespace basin {

std::string version_text() { return BASIN_VERSION; }

}  // namespace basin
