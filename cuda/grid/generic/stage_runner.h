// A plan on the device: weights of points in blobs, activations of a block of images at a block of points, and each of
// its stages as launches.
#pragma once
#include <optional>

#include "core/buffer_layout.h"
#include "cuda/grid/generic/generic_layout.h"
#include "cuda/grid/perturb.h"

namespace basin::cuda {

// A block of images at a block of points on its way through the stages.
struct StageBlock {
  const void* pixels = nullptr;  // of its first image, as StageRunner::image_bytes() says
  std::int64_t first_point = 0, points = 1, images = 1;
};

class StageRunner {
 public:
  // With room for the weights of `points` points. The plan outlives it.
  StageRunner(Stream stream, const Plan& plan, std::span<const PlaneTensor> tensors, DType type, std::int64_t points,
              bool in_place = true);

  // Allocates activations for blocks of so many points and images at most.
  void make_room(std::int64_t points, std::int64_t images);

  // Forms the weights of `count` points, as cuda/grid/perturb.h says.
  void set_points(const PlanePoint* points, std::int64_t count, const View& not_finite,
                  const PointStatistics* statistics = nullptr);
  void run_stage(const StageBlock& block, std::size_t stage);

  std::int64_t point_launches() const { return plane_.extents().floats > 0 ? 3 : 2; }  // of set_points()
  std::int64_t stage_launches(std::size_t stage) const;                                // of run_stage()
  std::int64_t most_points() const { return most_points_; }                            // of a block

  std::int64_t activation_bytes() const { return buffers_.size * element_bytes(); }  // of an image at a point
  std::int64_t image_bytes() const;  // of an image on the device: (H, W, image_channels()) of type()
  std::int64_t image_channels() const { return layout_.image_channels; }
  DType type() const { return type_; }
  const PlaneWeights& plane() const { return plane_; }
  const GenericStage& placed(std::size_t stage) const { return layout_.stages[stage]; }
  // (points * images, H, W, C) of a block; f32 if it is the logits
  View buffer(const StageBlock& block, int index) const;
  // (points, images): counts up where a value of a block's image did not fit the type
  std::int32_t* overflowed() const { return overflowed_->as<std::int32_t>(); }

 private:
  std::int64_t element_bytes() const { return static_cast<std::int64_t>(size_of(type_)); }
  const Shape& shape(int buffer) const { return plan_.buffers[static_cast<std::size_t>(buffer)]; }
  void* place(int buffer) const;
  const float* channel_values(const StageBlock& block, std::int64_t word) const;
  void contract(const StageBlock& block, const Stage& stage, const GenericStage& placed);
  void transform(const StageBlock& block, const Stage& stage, const GenericStage& placed);
  void concatenate(const StageBlock& block, const Stage& stage);

  Stream stream_;
  const Plan& plan_;
  DType type_;
  GenericLayout layout_;  // without its lists of weights
  BufferLayout buffers_;
  PlaneWeights plane_;
  std::int64_t most_points_;
  DeviceBuffer scales_, blobs_;
  std::int64_t room_ = 0;  // points times images
  std::optional<DeviceBuffer> activations_, logits_, overflowed_;
};

}  // namespace basin::cuda
