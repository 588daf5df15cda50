// One step of a network on tiles: a stage of the plan, or a change of layout between two.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "landscape/fold.h"

namespace basin::amx {

class Step {
 public:
  virtual ~Step() = default;
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Forms the weights, if there are any.
  virtual void set_point(const Point&) {}

  // A bound of |output| from bounds of the inputs: those of the plan's buffers.
  virtual double bound(std::span<const double> buffers) const = 0;

  // images: of the block, as pack_images() wrote them, or float32 where the first stage runs plain. Whatever lies
  // behind `count` images may be computed too.
  virtual void run(const std::byte* images, std::int64_t count) = 0;
};

}  // namespace basin::amx
