// uint8 images to float activations, with or without augmentation.
#pragma once
#include <cstdint>
#include <span>

#include "core/image_batch.h"
#include "data/dataset.h"

namespace basin {

// y[i] (H, W, C) = (pixel / 255 - mean[c]) / deviation[c] for image indices[i]. y holds indices.size() images.
void normalize(const Images& images, const Normalization& normalization, std::span<const std::int64_t> indices,
               float* y);
// The same for images [begin, end).
void normalize(const Images& images, const Normalization& normalization, std::int64_t begin, std::int64_t end,
               float* y);

// The recipe's training images: pad, crop at a random offset, flip, normalise. Offsets and flips are a function of
// (seed, epoch, image index) alone.
void augment(const Images& images, const Normalization& normalization, const Augmentation& augmentation,
             std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices, float* y);

// The order of the images in an epoch: a permutation of 0 .. count - 1, a function of (seed, epoch) alone.
std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace basin
