// What the CPU engines share: blocks of images through a network, a grid point a thread, and a slower, careful pass
// wherever an engine's own arithmetic could hide an overflow.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "landscape/engine_request.h"
#include "landscape/prepared_images.h"

namespace basin {

// A network at one point over blocks of images. One thread at a time uses it, not always the same one: threads live as
// long as one call of evaluate(), networks as long as the evaluator. State of the thread (tile configuration, floating
// point modes) is therefore set up in each run.
class BlockNetwork {
 public:
  virtual ~BlockNetwork() = default;

  // Forms the weights of the point, which the next runs use.
  virtual void set_point(const Point& point) = 0;

  // images: one block as the engine's packing wrote it, 64-byte aligned, of `count` images (1 to the engine's block)
  // followed by zero images, every |pixel| <= bound -> logits (count, classes), valid until the next run. Null where an
  // overflow on the way cannot be excluded, because relu could hide it. Both depend on nothing but the arguments and
  // the point.
  virtual const float* run(const std::byte* images, std::int64_t count, double bound) = 0;
};

struct BlockEngine {
  std::string name = {}, precision = {};  // as Evaluator::engine() and Evaluator::precision() say them
  std::int64_t block = 0;                 // images that a network takes at once
  ImagePacking packing = {};
  // Called once a thread, on a thread whose OpenMP team has one thread.
  std::function<std::unique_ptr<BlockNetwork>()> make_network = {};
};

// An evaluator of request.threads networks of the engine. Blocks for which they return null are evaluated by oneDNN in
// float32 with a relu that keeps NaN, from the same images. Error unless the state is float32.
std::unique_ptr<Evaluator> make_block_evaluator(const EngineRequest& request, BlockEngine engine);

}  // namespace basin
