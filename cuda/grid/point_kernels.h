// What computes the losses of a chunk of points, launch by launch: the resident kernel, or one launch a stage.
#pragma once
#include <memory>

#include "core/grid_engine.h"
#include "cuda/grid/mean_loss.h"
#include "cuda/grid/perturb.h"
#include "cuda/runtime.h"

namespace basin::cuda {

class PointKernels {
 public:
  virtual ~PointKernels() = default;

  // results[set * count + k] = the losses at points[k]; both on the device, 1 <= count <= the `points` that the object
  // was made for. All launches are in the object's stream; may be captured in a MemoryArena; waits for nothing.
  virtual void run(const PlanePoint* points, std::int64_t count, PointLosses* results) = 0;
  // Launches of a run() of so many points.
  virtual std::int64_t launches(std::int64_t count) const = 0;
  // loss (points, images) f32 of an image set, as the last run() leaves them.
  virtual ConstView image_losses(std::size_t set) const = 0;
};

// Each allocates all it needs at once: OutOfMemory where the device has too little.
// The resident kernel (resident.h); Error for other plans than resident_layout() takes, and for f32.
std::unique_ptr<PointKernels> resident_kernels(Stream stream, const DeviceInfo& device, const GridWork& work,
                                               std::int64_t points);
// Any plan, f32, f16 or bf16.
std::unique_ptr<PointKernels> generic_kernels(Stream stream, const DeviceInfo& device, const GridWork& work,
                                              std::int64_t points);

}  // namespace basin::cuda
