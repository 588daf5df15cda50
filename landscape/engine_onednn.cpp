#include "landscape/engine_onednn.h"

#include "landscape/block_evaluator.h"
#include "landscape/engine_onednn_network.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 16;  // images

}  // namespace

std::unique_ptr<Evaluator> make_onednn_evaluator(const Plane& plane, const EvaluationSet& set,
                                                 std::shared_ptr<const Plan> plan, LandscapePrecision /*precision*/,
                                                 int threads) {
  BlockEngine engine{.name = "onednn", .precision = "exact (fp32)", .block = kBlock};
  engine.make_network = [plan, plane] {
    return std::make_unique<OnednnNetwork>(*plan, plane, kBlock, OnednnNetwork::Relu::fused);
  };
  return make_block_evaluator(plane, set, std::move(plan), std::move(engine), threads);
}

}  // namespace basin
