// The files of one training run:
//   config.json, metrics.jsonl,
//   checkpoints/{epoch_0000, ..., best, last, last.optimizer}.safetensors
#pragma once
#include <filesystem>

#include "models/training/options.h"

namespace basin {

class RunFolder {
 public:
  // Makes the folder and writes config.json. Error if it exists and is not empty, unless options.overwrite is set: then
  // the files of the run it holds are removed first, and no others.
  static RunFolder create(const TrainingOptions& options);
  // The folder of an earlier run; Error if it holds none.
  static RunFolder open(const std::filesystem::path& root);

  // Where the metrics of a run in `root` are, if it has any.
  static std::filesystem::path metrics_of(const std::filesystem::path& root) { return root / "metrics.jsonl"; }

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path config() const { return root_ / "config.json"; }
  std::filesystem::path metrics() const { return metrics_of(root_); }
  std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }
  std::filesystem::path last() const { return checkpoints() / "last.safetensors"; }
  std::filesystem::path best() const { return checkpoints() / "best.safetensors"; }
  std::filesystem::path epoch(std::int64_t number) const;  // checkpoints/epoch_0012.safetensors

 private:
  explicit RunFolder(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

// The options of the run in `root`, from its config.json; `out` and `resume` are set.
TrainingOptions resume_options(const std::filesystem::path& root);

}  // namespace basin
