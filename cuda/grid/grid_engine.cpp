#include "cuda/grid/grid_engine.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>

#include "core/error.h"
#include "cuda/graph.h"
#include "cuda/grid/point_kernels.h"
#include "cuda/grid/resident_layout.h"
#include "cuda/memory_pool.h"

namespace basin::cuda {
namespace {

// Of a chunk: a graph node each, of which a graph of many thousands is slow to make. So many launches take the device
// far longer than the host takes for a chunk.
constexpr std::int64_t kMostLaunches = 8192;

std::unique_ptr<PointKernels> make_kernels(Stream stream, const DeviceInfo& info, const GridWork& work,
                                           std::int64_t points) {
  return work.kernels == "resident" ? resident_kernels(stream, info, work, points)
                                    : generic_kernels(stream, info, work, points);
}

PlanePoint plane_point(const GridPoint& point) {
  return {point.alpha, point.beta, std::ldexp(1.0, -point.exponent), std::ldexp(1.0, point.exponent)};
}

// The results of a chunk on the host, and whether they are there.
struct Slot {
  Slot(std::int64_t most, const std::vector<std::int64_t>& images, bool image_losses)
      : losses(static_cast<std::size_t>(most) * images.size() * sizeof(PointLosses)) {
    for (std::size_t set = 0; image_losses && set < images.size(); ++set)
      of_images.emplace_back(static_cast<std::size_t>(most * images[set]) * sizeof(float));
  }
  PinnedBuffer losses;                  // (sets, points of the chunk)
  std::vector<PinnedBuffer> of_images;  // of each set (points of the chunk, images)
  Event done;
  std::int64_t points = 0;
};

// What is done on the device is in the order of one stream: chunks share weights, activations and results there. Only
// the host, which may be a chunk behind, has two of everything.
class ChunkedGridEngine final : public GridEngine {
 public:
  ChunkedGridEngine(int device, const GridWork& work)
      : device_(device), recomputes_(work.statistics == BatchStatistics::recomputed) {
    for (const GridImages& set : work.sets) images_.push_back(set.count);
    kernels_ = fitting_kernels(work);
    const auto points = static_cast<std::size_t>(chunk_);
    points_.emplace(stream_, points * sizeof(PlanePoint));
    results_.emplace(stream_, points * images_.size() * sizeof(PointLosses));
    for (int i = 0; i < 2; ++i) idle_.emplace_back(std::make_unique<Slot>(chunk_, images_, work.image_losses));
    Stream(stream_).synchronize();  // the host's images have been read
  }

  // Chunks under way still use the memory, which is given back to the pool of the device.
  ~ChunkedGridEngine() override {
    try {
      select_device(device_);
      Stream(stream_).synchronize();
    } catch (const Error&) {  // a device that is lost
    }
  }

  std::int64_t chunk() const override { return chunk_; }

  void start(std::span<const GridPoint> points) override {
    const auto count = static_cast<std::int64_t>(points.size());
    check(count >= 1 && count <= chunk_, "grid engine: ", count, " points, 1 to ", chunk_, " are possible");
    check(!idle_.empty(), "grid engine: two chunks are under way");
    select_device(device_);
    std::vector<PlanePoint> on_plane;
    for (const GridPoint& point : points) {
      check(!recomputes_ || point.exponent == 0, "grid engine: recomputed statistics undo a scale of the activations");
      on_plane.push_back(plane_point(point));
    }
    copy_to_device(stream_, points_->data(), on_plane.data(), on_plane.size() * sizeof(PlanePoint));
    compute(count);
    Slot& slot = *idle_.back();
    slot.points = count;
    const auto results = static_cast<std::size_t>(count) * images_.size() * sizeof(PointLosses);
    start_copy_to_host(stream_, slot.losses, results_->data(), results);
    for (std::size_t set = 0; set < slot.of_images.size(); ++set)
      start_copy_to_host(stream_, slot.of_images[set], kernels_->image_losses(set).data,
                         static_cast<std::size_t>(count * images_[set]) * sizeof(float));
    slot.done.record(stream_);
    under_way_.push_back(std::move(idle_.back()));  // not before all of it has been asked for
    idle_.pop_back();
  }

  GridResults finish() override {
    check(!under_way_.empty(), "grid engine: no chunk is under way");
    select_device(device_);
    Slot& slot = *under_way_.front();
    slot.done.synchronize();
    GridResults results = results_of(slot);
    idle_.push_back(std::move(under_way_.front()));
    under_way_.pop_front();
    return results;
  }

 private:
  // For as many points as there is memory for, and as a graph of bearable size computes.
  std::unique_ptr<PointKernels> fitting_kernels(const GridWork& work) {
    const DeviceInfo info = device_info(device_);
    for (chunk_ = std::max<std::int64_t>(1, work.points);;) {
      try {
        auto kernels = make_kernels(stream_, info, work, chunk_);
        const std::int64_t launches = kernels->launches(chunk_);
        if (launches <= kMostLaunches || chunk_ == 1) return kernels;
        chunk_ = std::clamp<std::int64_t>(chunk_ * kMostLaunches / launches, 1, chunk_ - 1);
      } catch (const OutOfMemory&) {
        if (chunk_ == 1) throw;
        chunk_ = (chunk_ + 1) / 2;
      }
    }
  }

  // A chunk of a size that is met for the first time is computed launch by launch, which loads the kernels; from the
  // second time on it is a graph.
  void compute(std::int64_t count) {
    const auto run = [&] { kernels_->run(points_->as<const PlanePoint>(), count, results_->as<PointLosses>()); };
    const auto [found, is_new] = graphs_.try_emplace(count);
    if (is_new) return run();
    if (!found->second) {
      MemoryArena& arena = arenas_.emplace_back(memory_pool(), stream_);
      Capture capture(stream_);
      run();
      found->second.emplace(capture.finish());
      arena.close();
    }
    found->second->run(stream_);
  }

  GridResults results_of(const Slot& slot) const {
    GridResults results;
    const auto* losses = static_cast<const PointLosses*>(slot.losses.data());
    const auto points = static_cast<std::size_t>(slot.points);
    for (std::size_t k = 0; k < points; ++k)
      for (std::size_t set = 0; set < images_.size(); ++set) {
        const PointLosses& found = losses[set * points + k];
        results.losses.push_back(
            {found.mean, found.squared_deviations, found.correct, found.not_finite, found.trusted()});
      }
    for (std::size_t set = 0; set < slot.of_images.size(); ++set) {
      const auto* values = static_cast<const float*>(slot.of_images[set].data());
      results.image_losses.emplace_back(values, values + slot.points * images_[set]);
    }
    return results;
  }

  int device_;
  bool recomputes_;
  OwnedStream stream_;
  std::vector<std::int64_t> images_;  // by set
  std::int64_t chunk_ = 0;
  std::unique_ptr<PointKernels> kernels_;
  std::optional<DeviceBuffer> points_, results_;
  std::deque<MemoryArena> arenas_;                       // of the graphs, which they outlive
  std::map<std::int64_t, std::optional<Graph>> graphs_;  // by points
  std::vector<std::unique_ptr<Slot>> idle_;
  std::deque<std::unique_ptr<Slot>> under_way_;
};

}  // namespace

std::unique_ptr<GridEngine> make_grid_engine(int device, const GridWork& work) {
  const std::string obstacle = grid_obstacle(device, work);
  check(obstacle.empty(), obstacle);
  check(!work.sets.empty(), "grid engine: no images");
  return std::make_unique<ChunkedGridEngine>(device, work);
}

std::string grid_obstacle(int device, const GridWork& work) {
  const DeviceInfo info = device_info(device);
  if (info.major < 8)
    return "engine " + work.kernels + ": " + info.name + " has compute capability " + std::to_string(info.major) + "." +
           std::to_string(info.minor) + ", 8.0 is needed";
  if (work.kernels == "generic") return "";
  if (work.kernels != "resident") return "grid engine: no kernels '" + work.kernels + "'";
  if (work.arithmetic == DType::f32) return "engine resident: computes in f16 or bf16, not in f32";
  if (work.statistics == BatchStatistics::recomputed)
    return "engine resident: batch-norm statistics are not recomputed by it";
  return resident_obstacle(*work.plan);
}

}  // namespace basin::cuda
