// Rows of random numbers.
#pragma once
#include <vector>

#include "core/random.h"

namespace basin {

inline std::vector<float> random_row(std::size_t elements, std::uint64_t index) {
  const Random random(4, random_stream("row", index));
  std::vector<float> row(elements);
  for (std::size_t i = 0; i < elements; ++i) row[i] = static_cast<float>(random.normal(i));
  return row;
}

}  // namespace basin
