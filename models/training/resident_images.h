// A data set's images in the memory of a back end, where kernels read their batches from.
#pragma once
#include "core/step_kernels.h"
#include "data/dataset.h"

namespace basin {

class ResidentImages {
 public:
  // The first `count` of `images`.
  ResidentImages(const Images& images, std::int64_t count, const Normalization& normalization, Backend& backend);

  // In the order they have, without augmentation.
  ImageSource source() const;
  std::int64_t count() const { return pixels_.dim(0); }
  Shape batch_shape(std::int64_t images) const;  // (images, H, W, C)
  Backend& backend() const { return pixels_.backend(); }

 private:
  Tensor pixels_;  // u8 (N, H, W, C)
  Tensor labels_;  // i32 (N)
  Tensor table_;   // f32 (C, 256)
};

}  // namespace basin
