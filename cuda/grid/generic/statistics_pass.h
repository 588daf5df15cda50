// Batch-norm statistics of many points, estimated anew from images (core/grid_engine.h, BatchStatistics::recomputed).
#pragma once
#include "cuda/grid/generic/stage_runner.h"

namespace basin::cuda {

// The same network with each batch norm as an affine stage of its own behind its contraction.
Plan with_separate_norms(const Plan& plan);

class StatisticsPass {
 public:
  // From the images of the work's first set, for the plan of `runner`, which it outlives.
  StatisticsPass(Stream stream, const GridWork& work, const StageRunner& runner, std::int64_t points);

  // The statistics of landscape/recomputed_statistics.h at the points, by the runner's channels, until the next call.
  // `pixels`: the first set's images as the runner reads them. May be captured in a MemoryArena.
  std::int64_t launches(std::int64_t count) const;  // of run()
  PointStatistics run(const PlanePoint* points, std::int64_t count, const void* pixels);

 private:
  // A batch norm of the separated plan.
  struct Norm {
    std::size_t stage;
    std::int64_t channel;  // the first, of the runner's plan
  };

  // Those up to the last batch norm: what is behind it has no part in the statistics.
  std::size_t stages() const { return norms_.empty() ? 0 : norms_.back().stage + 1; }
  void normalize(const StageBlock& block, const Norm& norm);

  Stream stream_;
  Plan plan_;
  StageRunner runner_;  // of the separated plan
  std::int64_t images_, batch_, block_points_, channels_;
  std::vector<Norm> norms_;
  DeviceBuffer not_finite_, gamma_, beta_, mean_, variance_, sums_;
};

}  // namespace basin::cuda
