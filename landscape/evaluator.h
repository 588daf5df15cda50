// The grid engine's interface: losses of one network over a fixed image set at many points of a plane.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend.h"
#include "core/grid_engine.h"
#include "data/dataset.h"
#include "landscape/measurement.h"
#include "landscape/plane.h"

namespace basin {

struct PointResult {
  Measurement train, test;  // of the image sets that were given; others stay default
  // Of the images of each class, where asked for (landscape/classwise_evaluator.h); else empty.
  std::vector<Measurement> train_classes = {}, test_classes = {};
};

// The image sets, measured in one pass; either may be null. They outlive the evaluator.
struct EvaluationSet {
  const Images* train = nullptr;
  const Images* test = nullptr;
  Normalization normalization;
  Objective loss = Objective::cross_entropy;
  // Which statistics batch norm uses; recomputed ones are estimated at each point from the first image set, in batches
  // of `statistics_batch` images.
  BatchStatistics statistics = BatchStatistics::stored;
  std::int64_t statistics_batch = 128;
};

// What is asked of an engine's arithmetic.
enum class LandscapePrecision : std::uint8_t {
  automatic,  // exact on CPUs, fast on GPUs
  exact,      // float32, or as close to it as makes no difference to a loss
  fast,       // rounded to 16 bits where the engine has a faster arithmetic for them
};
LandscapePrecision parse_landscape_precision(std::string_view name);  // "auto", "exact", "fast"; else Error
std::string name_of(LandscapePrecision precision);

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual std::string engine() const = 0;     // "onednn", "autograd"
  virtual std::string precision() const = 0;  // what is computed, which may be more than was asked: "exact (fp32)"
  // Evaluates the points in any order on all threads; `done(index into points, result)` is called once for each, one
  // call at a time. A point's result depends on nothing but the point: neither on the other points nor on the threads.
  // Stops early, leaving points undone, when `stop()` returns true (asked between points).
  virtual void evaluate(std::span<const Point> points, const std::function<void(std::size_t, const PointResult&)>& done,
                        const std::function<bool()>& stop) = 0;
  // What a user should know of the last evaluate(), a line each: points that took another arithmetic, devices lost.
  virtual std::vector<std::string> notes() const { return {}; }
};

struct EvaluatorOptions {
  std::string engine = "auto";  // or one of engine_names()
  int threads = 0;              // 0: one per processor
  LandscapePrecision precision = LandscapePrecision::automatic;
  std::vector<Backend*> devices = {};  // GPUs that share the points; none: the CPU. "auto" takes an engine of theirs
  std::int64_t chunk = 64;             // points that a GPU evaluates at once, at most; results do not depend on it
};

std::vector<std::string> engine_names();  // "auto" first: what is fastest for the network on the devices, or this CPU

// The plane's model, state and directions and the image sets outlive the evaluator. Error if the directions do not fit
// the state, an image set is empty or does not fit the model, a label is none of its classes, or the engine is unknown
// or cannot run here, or not with the precision or statistics asked for.
std::unique_ptr<Evaluator> make_evaluator(const Plane& plane, const EvaluationSet& set,
                                          const EvaluatorOptions& options = {});

// One point, at once.
PointResult evaluate_point(Evaluator& evaluator, const Point& point);

}  // namespace basin
