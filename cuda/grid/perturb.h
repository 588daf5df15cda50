// Weights of many points of a plane, folded and rounded, in the order in which the resident kernel reads them.
#pragma once
#include <span>
#include <vector>

#include "core/grid_engine.h"
#include "core/plan.h"
#include "core/tensor.h"
#include "cuda/grid/blob_layout.h"
#include "cuda/runtime.h"

namespace basin::cuda {

// theta + alpha x + beta y, on the device. Activations are multiplied by `scale`, a power of two: what overflows 16
// bits fits, and as relu nets are positively homogeneous the logits do not change.
struct alignas(32) PlanePoint {
  double alpha = 0, beta = 0;
  double scale = 1, inverse_scale = 1;
};

// A value at the centre and in the directions, and what becomes of it: `rule` is its channel * 4 + kAlongX | kAlongY.
struct alignas(16) PlaneValue {
  static constexpr std::uint32_t kAlongX = 1, kAlongY = 2, kPadding = 0xffffffffu;
  float center = 0, x = 0, y = 0;
  std::uint32_t rule = kPadding;
};

// Of a channel: its stage's epsilon, and flags.
struct alignas(16) ChannelRule {
  static constexpr std::uint32_t kBatchNorm = 1, kStem = 2, kClassifier = 4;
  double epsilon = 0;
  std::uint32_t flags = 0, unused = 0;
};

// The plane in the order of the blob, on the device; made once.
class PlaneWeights {
 public:
  // Error if an entry that the plan names is missing or has another number of values than its layer.
  PlaneWeights(Stream stream, const Plan& plan, const BlobLayout& layout, std::span<const PlaneTensor> tensors);

  const BlobExtents& extents() const { return extents_; }
  std::int64_t channels() const { return extents_.channels; }
  // bias, gamma, beta, mean and variance of channel c at 5 c (see perturb.cu), the rules by channel
  const PlaneValue* affine() const { return affine_.as<const PlaneValue>(); }
  const ChannelRule* rules() const { return rules_.as<const ChannelRule>(); }
  const PlaneValue* weights() const { return weights_.as<const PlaneValue>(); }
  const PlaneValue* floats() const { return floats_.as<const PlaneValue>(); }

 private:
  BlobExtents extents_;
  DeviceBuffer affine_, rules_, weights_, floats_;
};

// Statistics of batch norm that take the place of the plane's: sums (K, 2, channels) of means and of variances, over
// `batches`.
struct PointStatistics {
  const double* sums = nullptr;
  std::int64_t batches = 1;
};

// blobs[k] = the weights at points[k], every word of them.
//
// The fold is that of landscape/fold.h and landscape/plane.h, bit for bit: each tensor at the point is the sum in
// double (an axis with coefficient 0, or that does not move the tensor, takes no part) rounded to f32; scale and shift
// of a channel are made in double; a folded weight is rounded to f32, then to `type`, which is as wide as the layout
// says. An affine stage's weight is its scale. With a scale s the weights of stages that read the image and the shifts
// of all but the classifier, which makes the logits, are multiplied by s before they are rounded, the classifier's
// weights by 1 / s.
//
// points (K) on the device; blobs (K, words) i32, 16-byte aligned; scales (K, channels) f64 is scratch memory.
// not_finite (K) i32: how many threads have met a weight or shift that is not finite in the blob; 0 at a point that can
// be trusted.
void perturb(Stream stream, const PlaneWeights& plane, const PlanePoint* points, DType type, const View& scales,
             const View& blobs, const View& not_finite, const PointStatistics* statistics = nullptr);

// gamma[k, c] and beta[k, c] f32 of the channels at points[k]: (K, channels).
void plane_channels(Stream stream, const PlaneWeights& plane, const PlanePoint* points, const View& gamma,
                    const View& beta);

}  // namespace basin::cuda
