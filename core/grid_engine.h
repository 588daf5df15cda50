// Losses of a network at many points of a plane, by a device that computes points together. landscape/engine_device.h
// makes an Evaluator of it.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/objective.h"
#include "core/plan.h"

namespace basin {

// A tensor of the network on the host: its values at the centre and in the directions; an axis that does not move it is
// empty.
struct PlaneTensor {
  std::span<const float> center, x, y;
};

// Images on the host: normalised pixels (N, H, W, C), labels (N) in [0, classes). N >= 1.
struct GridImages {
  const float* pixels = nullptr;
  const std::int32_t* labels = nullptr;
  std::int64_t count = 0;
};

// Which statistics batch norm uses at a point.
enum class BatchStatistics : std::uint8_t {
  stored,      // those of the state at the point
  recomputed,  // estimated anew from images, at each point
};

// What is to be computed. Everything is copied before a constructor that takes it returns.
struct GridWork {
  const Plan* plan = nullptr;
  std::vector<PlaneTensor> tensors;  // in the order of the network's entries, which the plan's indices name
  std::vector<GridImages> sets;      // one or more; results are of each
  Objective objective = Objective::cross_entropy;
  std::string kernels = "generic";  // or "resident": narrow ResNets alone
  DType arithmetic = DType::f16;    // of operands: f16, bf16, or f32 (products of three tf32; generic alone); sums f32
  std::int64_t points = 64;         // at once, at most; fewer where memory is short
  // Of the generic kernels: activations that are alive together, for some images at some points. They stay in the
  // second-level cache of large GPUs from a stage to the next (40 MB on an A100, 50 MB on an H100 and H200).
  std::int64_t activation_bytes = 40 << 20;
  bool image_losses = false;  // give those of single images too
  BatchStatistics statistics = BatchStatistics::stored;
  std::int64_t statistics_batch = 128;  // images of a batch, where statistics are recomputed from the first set
};

// theta + alpha x + beta y. Activations are multiplied by 2^-exponent: what overflows 16 bits then fits, and as relu
// nets are positively homogeneous the logits do not change. Recomputed statistics would undo it: there it is 0.
struct GridPoint {
  double alpha = 0, beta = 0;
  int exponent = 0;
};

// One image set at one point.
struct GridLosses {
  double mean = 0;                // of the losses; may be NaN or infinite: that is data
  double squared_deviations = 0;  // sum of (loss - mean)^2
  std::int64_t correct = 0;       // images
  std::int64_t not_finite = 0;    // images whose logits were not all finite
  bool trusted = true;            // else an activation or a weight did not fit the arithmetic: evaluate again
};

struct GridResults {
  std::vector<GridLosses> losses;                // (points, sets)
  std::vector<std::vector<float>> image_losses;  // where asked for: of each set (points, images)
};

// A result depends on nothing but the point: not on the others, nor on the size of the chunk. Used by one thread.
class GridEngine {
 public:
  virtual ~GridEngine() = default;
  virtual std::int64_t chunk() const = 0;  // the most points that start() takes
  // Begins to evaluate 1 to chunk() points and does not wait. Two chunks may be under way.
  virtual void start(std::span<const GridPoint> points) = 0;
  // The results of the chunk that was started first, waiting for it.
  virtual GridResults finish() = 0;
};

}  // namespace basin
