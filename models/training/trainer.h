// The training loop, of any back end: its steps are recorded once, and the host waits for none of them within an epoch.
//
// A batch is a function of (seed, epoch, index), the learning rate one of the step, and a checkpoint holds the position
// inside the epoch, so an interrupted and resumed run is bit-identical to an uninterrupted one. It may be resumed on
// another back end too, whose kernels round differently.
#pragma once
#include <functional>

#include "core/backend.h"
#include "data/dataset.h"
#include "models/training/checkpoint.h"
#include "models/training/metrics.h"
#include "models/training/options.h"
#include "models/training/run_folder.h"

namespace basin {

// After each step on the CPU, about twice a second on other back ends, and at the end of an epoch.
struct StepReport {
  std::int64_t epoch = 0;                     // the one in progress, counted from 1
  std::int64_t batch = 0, batches = 0;        // done and in all, of this epoch
  std::int64_t images = 0, total_images = 0;  // done and in all, of the whole run
  double loss = 0, error = 0;                 // running means of this epoch; error in %
  double learning_rate = 0;
};

// How a caller follows a run; empty functions are not called.
struct TrainingObserver {
  // Once, before the first step: what is trained (its options complete) and how many images are already done.
  std::function<void(const TrainingOptions&, const Model&, std::int64_t images_done)> start = {};
  std::function<void(const StepReport&)> step = {};
  std::function<void(const EpochMetrics&)> epoch = {};
  // Asked between steps. True: everything is saved (if there is a folder) and Interrupted is thrown.
  std::function<bool()> stop = {};
};

struct TrainingResult {
  Model model;
  State state;                                 // on the back end
  std::vector<EpochMetrics> history;           // of the whole run, epoch 0 first
  std::filesystem::path last = {}, best = {};  // checkpoints; "" without a folder; best is by test error
};

// Trains as the options say. Writes the folder options.out:
//   config.json                                  the options
//   metrics.jsonl                                a line per epoch
//   checkpoints/epoch_0000.safetensors, ...      every `save_every` epochs
//   checkpoints/{last,best}.safetensors, last.optimizer.safetensors
// Throws Interrupted when observer.stop() says so, and Error, with last.safetensors holding the state before the step,
// where a loss or gradient is not finite (for fp16: is so at the smallest scale of the loss).
TrainingResult train(const TrainingOptions& options, const Dataset& dataset, const TrainingObserver& observer = {},
                     Backend& backend = cpu_backend());

}  // namespace basin
