#include "landscape/engine_onednn.h"

#include "landscape/block_evaluator.h"
#include "landscape/engine_onednn_network.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 16;  // images

}  // namespace

std::unique_ptr<Evaluator> make_onednn_evaluator(const EngineRequest& request) {
  BlockEngine engine{.name = "onednn", .precision = "exact (fp32)", .block = kBlock};
  engine.make_network = [plan = request.plan, plane = request.plane] {
    return std::make_unique<OnednnNetwork>(*plan, plane, kBlock, OnednnNetwork::Relu::fused);
  };
  return make_block_evaluator(request, std::move(engine));
}

}  // namespace basin
