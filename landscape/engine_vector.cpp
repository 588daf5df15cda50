#include "landscape/engine_vector.h"

#include "landscape/block_evaluator.h"
#include "landscape/engine_onednn_network.h"
#include "landscape/vector/winograd.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 16;  // images

}  // namespace

std::string vector_obstacle() { return vector::kernel_obstacle(); }

double vector_share(const EngineRequest& request) {
  const Plan& plan = *request.plan;
  double on_kernels = 0, all = 0;
  for (const Stage& stage : plan.stages) {
    if (stage.kind != Stage::Kind::convolution && stage.kind != Stage::Kind::linear) continue;
    const Shape& weight = request.plane.center->entries()[static_cast<std::size_t>(stage.weight)].value.shape();
    const Shape& y = plan.buffers[static_cast<std::size_t>(stage.output)];
    const auto positions = static_cast<double>(y.size() == 3 ? y[0] * y[1] : 1);
    const double cost = static_cast<double>(weight.count()) * positions;
    all += cost;
    if (vector::suits(stage, weight, plan.buffers[static_cast<std::size_t>(stage.inputs[0])])) on_kernels += cost;
  }
  return all > 0 ? on_kernels / all : 0;
}

std::unique_ptr<Evaluator> make_vector_evaluator(const EngineRequest& request) {
  BlockEngine engine{.name = "vector", .precision = "exact (fp32)", .block = kBlock};
  engine.make_network = [plan = request.plan, plane = request.plane, kernel = vector::find_kernel()] {
    return std::make_unique<OnednnNetwork>(*plan, plane, kBlock, OnednnNetwork::Relu::fused, kernel);
  };
  return make_block_evaluator(request, std::move(engine));
}

}  // namespace basin
