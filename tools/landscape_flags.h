// What commands on a trained network have in common: the network, the images and, for losses on planes, the engine.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "landscape/evaluator.h"
#include "models/training/checkpoint.h"

namespace CLI {
class App;
}

namespace basin {

struct LandscapeFlags {
  std::string checkpoint, model;  // model "": as the checkpoint says
  std::string data;               // "": the synthetic set
  std::string split = "train";    // or test, both
  std::int64_t images = 0;        // of each split; 0: `usual_images`, or all if there are fewer
  std::int64_t usual_images = 0;  // 0: all
  std::string loss = "cross-entropy";
  std::string engine = "auto", precision = "auto", device = "auto";
  std::string statistics = "auto";      // of batch norm: or frozen, interpolated, recomputed
  std::int64_t statistics_batch = 128;  // images
  int threads = 0;
  bool json = false, quiet = false;
};

// Adds the flags of the model, the images and the output. The values in `flags` are the defaults; it outlives the
// application.
void add_image_flags(CLI::App& command, LandscapeFlags& flags);
// These, and the checkpoint as the positional argument.
void add_subject_flags(CLI::App& command, LandscapeFlags& flags);
// Those of the grid's engine, devices and batch-norm statistics.
void add_engine_flags(CLI::App& command, LandscapeFlags& flags);
// All of them.
void add_landscape_flags(CLI::App& command, LandscapeFlags& flags);

// The engine and the devices that the flags name. Error for an unknown name, for an engine that cannot run here and for
// a device that cannot be used.
EvaluatorOptions evaluator_options(const LandscapeFlags& flags);

std::string device_text(const EvaluatorOptions& options);  // "cpu", "cuda:0" or "cuda:0,cuda:1"

// The checkpoint and the images that the flags name.
class Subject {
 public:
  // Also sets the size of the thread pool. Notes on stderr if the checkpoint was trained on other data.
  explicit Subject(const LandscapeFlags& flags);
  Subject(const Subject&) = delete;  // the set points into it
  Subject& operator=(const Subject&) = delete;

  const Checkpoint& checkpoint() const { return checkpoint_; }
  const EvaluationSet& set() const { return set_; }
  // What the results depend on: model, checkpoint's hash, images (with theirs), loss.
  nlohmann::json configuration() const;

 private:
  LandscapeFlags flags_;
  Checkpoint checkpoint_;
  std::string dataset_;
  Images train_, test_;
  EvaluationSet set_;
};

// A second checkpoint of the same model. Error if it is of another.
Checkpoint load_companion(const std::string& path, const Checkpoint& first);

}  // namespace basin
