// A network's state to and from safetensors with PyTorch's names, shapes and dtypes.
#pragma once
#include <vector>

#include "core/safetensors.h"
#include "models/state.h"

namespace basin {

// Replaces every value of `state` by the file's tensor of the same name (a "module." that DataParallel put before it is
// ignored), brought to the entry's layout, dtype and back end. f32, f16, bf16 and f64 fit any floating-point entry.
// num_batches_tracked may be missing, as in files of old: the count stays. Error, in one line, that lists what is
// missing, unexpected or of the wrong shape or kind; `state` is then unchanged.
void load_weights(State& state, const TensorFile& file);

// What write_safetensors takes, and the storage that it points into.
struct FileWeights {
  std::vector<NamedTensor> tensors;
  Tensors storage;
};
// All entries in the state's order, in PyTorch's shapes and the state's dtypes.
FileWeights save_weights(const State& state);

}  // namespace basin
