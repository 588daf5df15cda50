// A plan as oneDNN primitives over a fixed block of images: the state of one thread of the engine.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "core/buffer_layout.h"
#include "core/cpu/onednn.h"
#include "landscape/block_evaluator.h"
#include "landscape/fold.h"
#include "landscape/vector/winograd.h"

namespace basin {

class OnednnNetwork final : public BlockNetwork {
 public:
  enum class Relu : std::uint8_t {
    fused,      // in the epilogue of the primitives; oneDNN's maps NaN to 0
    keeps_nan,  // in a pass of its own
  };

  // Make it and use it on one thread, whose OpenMP team has one thread. `plan` outlives it. With a kernel, the
  // convolutions that suit it run there, and the block is a multiple of 16; its relu is always fused.
  OnednnNetwork(const Plan& plan, const Plane& plane, std::int64_t block, Relu relu,
                const vector::Kernel* kernel = nullptr);

  // Forms the weights of the point: perturbed, batch norm folded, in the order the primitives read.
  void set_point(const Point& point) override;
  const Folded& folded(std::size_t stage) const { return steps_[stage].folded; }  // weighted stages, at the point

  // images: floats (block, H, W, C); the whole block is computed, whatever `count`. Never null with Relu::keeps_nan.
  const float* run(const std::byte* images, std::int64_t count, double bound) override;

 private:
  struct Step {
    const Stage* stage = nullptr;
    bool in_place = false;
    Folded folded;
    dnnl::primitive primitive;  // of a contraction
    std::unordered_map<int, dnnl::memory> arguments;
    dnnl::memory plain_weight, weight;  // as folded, and as the primitive reads it
    dnnl::reorder reorder;
    std::unique_ptr<vector::WinogradConvolution> winograd;  // takes the place of all oneDNN has for the step
  };

  bool add_winograd(Step& step, const vector::Kernel& kernel);
  void add_convolution(Step& step);
  void add_linear(Step& step);
  void bind(Step& step, const dnnl::memory::desc& weight, const dnnl::memory::desc& scratchpad,
            const dnnl::memory& input, const dnnl::memory& output);
  dnnl::primitive_attr attributes(const Stage& stage) const;
  dnnl::memory::desc activation(int buffer) const;  // logical N C H W, in memory N H W C
  dnnl::memory activation_memory(int buffer, const dnnl::memory::desc& desc);
  float* data(int buffer);
  std::size_t count(int buffer) const;  // floats of the whole block

  bool bound_output(const Step& step);
  void execute(Step& step);
  void contract(Step& step);

  const Plan* plan_;
  const State* state_;
  Folder folder_;
  BufferLayout layout_;
  std::int64_t block_;
  Relu relu_;
  dnnl::engine engine_ = cpu::dnnl_engine();
  dnnl::stream stream_{engine_};
  dnnl::memory activations_, scratchpad_;
  std::vector<CacheLine> winograd_scratch_;
  std::vector<dnnl::memory> inputs_;  // that point to the block of images
  float* input_ = nullptr;
  std::vector<double> bounds_;  // of |value| per buffer
  std::vector<Step> steps_;
};

}  // namespace basin
