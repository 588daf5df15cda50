// Batch-norm statistics estimated anew at a point: away from a trained network its running statistics say nothing of
// the activations.
#pragma once
#include "data/dataset.h"
#include "landscape/prepared_images.h"
#include "models/registry.h"

namespace basin {

// The state with the running statistics that the images give: each batch (a block of `images`, in order, the last one
// with what is left) normalises by its own mean and biased variance; the statistics are the averages over the batches,
// each with equal weight, of mean and unbiased variance. (Izmailov et al. 2018, section 3.2; PyTorch's
// torch.optim.swa_utils.update_bn computes the same.) Sums over batches are in double. Error where a batch leaves a
// channel with one value.
State with_recomputed_statistics(const Model& model, const State& state, const PreparedImages& images);

}  // namespace basin
