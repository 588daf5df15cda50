// The parts of `basin curve`.
#pragma once
#include <string>

#include "landscape/curve/curve_file.h"
#include "landscape/curve/curve_training.h"
#include "tools/landscape_flags.h"

namespace basin {

struct CurveFlags {
  LandscapeFlags landscape;  // checkpoint: where the curve begins
  std::string to;            // where it ends
  std::string kind = "linear", out;
  std::int64_t bends = 1;
  CurveTrainingOptions training;
  std::int64_t train_images = 0;  // that the bends are trained on, the first so many; 0: all
  std::int64_t points = 21;
  std::string through;  // a third checkpoint, for the plane
  bool surface = false;
  std::int64_t surface_points = 21;  // of each axis
  double margin = 0.2;               // around the three networks, a share of their extent
  bool force = false, resume = false;
};

// Trains where there are bends, measures, saves and reports. Throws Interrupted after Ctrl-C; the same command goes on.
void run_curve(const CurveFlags& flags);

// What training the bends takes: the images and the recipe.
class BendTraining {
 public:
  // Reads the images. `model` is the ends'.
  BendTraining(const CurveFlags& flags, const Model& model);

  nlohmann::json configuration() const;  // all that the bends depend on but the ends
  // The trained curve, from `start`, or on from the file `progress` where it exists; bends with statistics recomputed
  // from the training images. Interrupted: the file holds what is done.
  Curve train(const Curve& start, const std::string& progress, const std::string& configuration) const;

 private:
  const CurveFlags& flags_;
  const Model& model_;
  Backend& backend_;
  Images images_;
  Normalization normalization_;
};

bool has_batch_norm(const State& state);

// ---- files beside the curve
std::string bend_path(const CurveFlags& flags, std::int64_t bend);  // c.bend1.safetensors, ...
std::string progress_path(const CurveFlags& flags);                 // c.training.safetensors, until the curve is there
std::string surface_path(const CurveFlags& flags);                  // c.surface.h5
std::string plane_path(const CurveFlags& flags);                    // c.plane.h5, the surface's directions

// The surface over the plane through the ends and a third network, by `basin surface` with a direction file.
void run_curve_plane(const CurveFlags& flags, const Checkpoint& first, const Curve& curve);

// What the run has beyond its file.
struct CurveReport {
  std::string engine, precision, device;
  std::vector<std::string> notes;
  double seconds = 0;
};
void report_curve(const CurveFlags& flags, const CurveFile& curve, const CurveReport& report);

}  // namespace basin
