// The embedded data set: made from a seed, so that everything runs without a download.
#pragma once
#include <cstdint>

#include "data/dataset.h"

namespace basin {

// Ten classes of 32 x 32 colour images, told apart by form alone (disc, ring, square, ...). Position, size, rotation,
// the colours of form and ground and which of them is brighter, two textures, a covering patch, contrast and noise are
// nuisance, drawn for each image from (seed, split, index) alone. Image i is of class i mod 10, so the first n images
// are balanced. The pixels are the same to the last bit on every machine with IEEE 754 arithmetic: no function of the
// mathematical library but sqrt and lround is used.
Dataset make_synthetic(std::uint64_t seed, std::int64_t train_count, std::int64_t test_count);

}  // namespace basin
