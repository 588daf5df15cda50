// Where the weights of any plan lie in a point's blob (cuda/grid/blob_layout.h), stage by stage.
#pragma once
#include <span>

#include "core/grid_engine.h"
#include "core/shape.h"
#include "cuda/grid/blob_layout.h"

namespace basin::cuda {

// Of a stage; what it does not have is left as it is.
struct GenericStage {
  Shape weight = {};               // of a contraction: (K, R, S, C / groups); a linear layer is 1 x 1
  std::int64_t first_weight = 0;   // into BlobLayout::weights, 16-byte aligned
  std::int64_t first_float = 0;    // into BlobLayout::floats: the scales of an affine stage
  std::int64_t first_channel = 0;  // into BlobLayout::channels: the shifts
};

struct GenericLayout : BlobLayout {
  std::vector<GenericStage> stages;
  // Of the images as the kernels read them: those of the data, then zeros to 16 bytes a pixel, so that the first
  // contraction reads vectors as the others do.
  std::int64_t image_channels = 0;
};

// `type` is that of the contractions. Error for plans whose logits no contraction makes, or whose image is read by
// something else than contractions without groups, and where tensors have other sizes than square filters need.
GenericLayout generic_layout(const Plan& plan, std::span<const PlaneTensor> tensors, DType type);

}  // namespace basin::cuda
