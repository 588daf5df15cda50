// Steps around the tile kernels: stages that run over float32 activations, changes of layout, pooling.
#pragma once
#include <memory>
#include <vector>

#include "landscape/amx/layout.h"
#include "landscape/amx/step.h"
#include "landscape/engine_onednn_network.h"

namespace basin::amx {

// A stage over float32 activations (block, H, W, C) by oneDNN or by plain loops.
class PlainStep final : public Step {
 public:
  // `inputs` are those of the stage, null where they are the images; `residual` is null without one.
  PlainStep(const Plan& plan, const Stage& stage, const Plane& plane, std::int64_t block,
            std::vector<const float*> inputs, const float* residual, float* output);

  void set_point(const Point& point) override;
  double bound(std::span<const double> buffers) const override;
  void run(const std::byte* images, std::int64_t count) override;

 private:
  const Plan* plan_;
  const Stage* stage_;
  std::vector<const float*> inputs_;
  const float* residual_;
  float* output_;
  std::size_t size_;  // floats of the output
  std::int64_t block_;
  Plan alone_;                              // the stage without its residual and relu
  std::unique_ptr<OnednnNetwork> network_;  // of it; null for add and concat
};

// A step whose output takes its bound from the buffer that it reads.
class ConversionStep final : public Step {
 public:
  enum class Kind : std::uint8_t { pack, unpack, max_pool, average_pool };
  struct Side {
    int buffer = 0;
    const Layout* layout = nullptr;  // null: float32
    std::byte* data = nullptr;       // null: the images
  };
  ConversionStep(Kind kind, std::int64_t channels, Side input, Side output)
      : kind_(kind), channels_(channels), input_(input), output_(output) {}

  double bound(std::span<const double> buffers) const override;
  void run(const std::byte* images, std::int64_t count) override;

 private:
  Kind kind_;
  std::int64_t channels_;
  Side input_, output_;
};

}  // namespace basin::amx
