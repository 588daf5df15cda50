// Checkpoints: a network's state as safetensors with PyTorch's names and shapes, and in the metadata what it is and how
// it was made. The optimizer's state and the position inside the run stand beside it, in <name>.optimizer.safetensors.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "core/optimizer.h"
#include "models/registry.h"

namespace basin {

using Metadata = std::map<std::string, std::string>;

struct Checkpoint {
  Model model;
  State state = {};
  std::string dataset = {};  // "cifar10"; "" where the file does not say (a PyTorch state_dict)
  std::string hash;          // SHA-256 of the file, hexadecimal
  Metadata metadata;  // model, dataset, classes, epoch, step, seed, config (JSON), version, test_loss, test_error
};

// Reads a checkpoint of Basin, or, given the model's name, a PyTorch state_dict saved as safetensors (f32, f16, bf16).
// `model_override` replaces the model that the file names; "" keeps it. The number of classes is the extent of the
// file's last layer. Error, in one line, if the file names no model and none is given, or if its tensors do not fit.
Checkpoint load_checkpoint(const std::filesystem::path& path, const std::string& model_override, Backend& backend);

// Writes `state` with `metadata`, to which the model's name and classes are added, atomically.
void save_checkpoint(const std::filesystem::path& path, const Model& model, const State& state, Metadata metadata);

// A checkpoint together with the optimizer that made it, from which training continues bit-exactly.
// Both files are replaced so that a crash at any moment leaves a pair that load_optimizer accepts.
void save_resumable(const std::filesystem::path& path, const Model& model, const State& state,
                    const Optimizer& optimizer, const Metadata& metadata);
// Restores `optimizer` from the file beside the checkpoint at `path` that belongs to its step; where steps were skipped
// (fp16), the checkpoint's field "updates" says how many were not.
void load_optimizer(const std::filesystem::path& path, const Checkpoint& checkpoint, Optimizer& optimizer);

// The metadata value of that name as a number; Error naming the file if it is absent or is no number.
double metadata_number(const Metadata& metadata, const std::string& name, const std::filesystem::path& path);
std::int64_t metadata_integer(const Metadata& metadata, const std::string& name, const std::filesystem::path& path);

}  // namespace basin
