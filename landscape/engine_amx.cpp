#include "landscape/engine_amx.h"

#include <algorithm>

#include "core/cpu/features.h"
#include "landscape/amx/convert.h"
#include "landscape/amx/network.h"
#include "landscape/block_evaluator.h"

namespace basin {
namespace {

constexpr std::int64_t kBlock = 8;  // images, at least

// Kernels take two tiles at once, a tile up to all interleaved images.
std::int64_t block_of(const amx::Placement& placement) {
  std::int64_t block = kBlock;
  for (const auto& layout : placement.layouts)
    if (layout) block = std::max(block, 2 * layout->images);
  return block;
}

ImagePacking packing_of(const Plan& plan, const amx::Placement& placement, std::int64_t block, std::int64_t parts) {
  const auto& kernels = placement.kernels;
  const Shape& image = plan.buffers[0];
  if (std::find(kernels.begin(), kernels.end(), amx::Kernel::stem) == kernels.end())
    return {.bytes = block * image.count() * 4, .pack = {}};
  return {.bytes = block * amx::image_bytes(image[0], image[1], parts),
          .pack = [image, block, parts](const float* normalized, std::byte* packed) {
            amx::pack_images(normalized, block, image[0], image[1], image[2], parts, packed);
          }};
}

}  // namespace

std::string amx_obstacle() {
  for (const CpuFeature feature : {CpuFeature::amx, CpuFeature::avx512, CpuFeature::avx512_bf16})
    if (std::string obstacle = cpu_obstacle(feature); !obstacle.empty()) return obstacle;
  return "";
}

double amx_share(const EngineRequest& request) { return amx::share_on_tiles(*request.plan, *request.plane.center); }

std::unique_ptr<Evaluator> make_amx_evaluator(const EngineRequest& request) {
  const bool exact = request.precision != LandscapePrecision::fast;
  const std::int64_t parts = exact ? 2 : 1;
  const amx::Placement placement = amx::place(*request.plan, *request.plane.center, parts);
  const std::int64_t block = block_of(placement);
  BlockEngine engine{.name = "amx", .precision = exact ? "exact (bf16x3)" : "fast (bf16)", .block = block};
  engine.packing = packing_of(*request.plan, placement, block, parts);
  engine.make_network = [plan = request.plan, plane = request.plane, block, parts] {
    return std::make_unique<amx::Network>(*plan, plane, block, parts);
  };
  return make_block_evaluator(request, std::move(engine));
}

}  // namespace basin
