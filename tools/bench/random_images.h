// Images of random pixels and labels of ten classes.
#pragma once
#include "data/dataset.h"

namespace basin {

Images random_images(std::int64_t count);

}  // namespace basin
