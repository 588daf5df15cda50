// basin hessian: its flags, and what its two forms have in common.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "core/backend.h"
#include "landscape/loss_function.h"
#include "tools/landscape_run.h"

namespace basin {

struct HessianFlags {
  RunFlags run;  // network, images, directions and output; x "": the spectrum at the network itself
  std::string parameters = "matrices";
  double weight_decay = 0;
  double tolerance = 0;       // 0: 1e-3 at a point, 1e-2 for a map
  std::int64_t products = 0;  // of Lanczos; 0: 100 at a point, 60 for a map
  bool exact = false;         // float64
  std::int64_t block = 128;
  // ---- at a point
  std::int64_t top = 1, bottom = 1;
  std::int64_t trace = 30;  // products
  std::string trace_method = "hutch++";
  std::int64_t probes = 0, steps = 40;  // of the density
  double width = 0;                     // of its Gaussians; 0: a hundredth of the span
  std::string vectors;                  // a direction file
};

// What both forms compute with.
class HessianSubject {
 public:
  explicit HessianSubject(const HessianFlags& flags);

  const Subject& subject() const { return subject_; }
  const State& state() const { return subject_.checkpoint().state; }
  LossFunction& loss() { return loss_; }
  const LossFunction& loss() const { return loss_; }
  Backend& backend() const { return *backend_; }
  nlohmann::json configuration() const;

 private:
  const Images& images() const;

  const HessianFlags& flags_;
  Backend* backend_;
  Subject subject_;
  LossFunction loss_;
};

// The configuration, a line a field, on stderr.
void print_configuration(const nlohmann::json& configuration);

// Both throw Interrupted after Ctrl-C with what is done in the log.
void run_hessian_point(const HessianFlags& flags);
void run_hessian_map(const HessianFlags& flags);

}  // namespace basin
