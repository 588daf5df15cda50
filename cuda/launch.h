// The only door to a kernel.
#pragma once
#include <source_location>
#include <type_traits>

#include "core/error.h"
#include "cuda/platform.cuh"
#include "cuda/runtime.h"

namespace basin::cuda {

// The extents of a launch and the source line that asks for it, which errors name.
struct LaunchShape {
  LaunchShape(dim3 grid_, dim3 block_, std::size_t shared = 0, const Site& at = Site::current())
      : grid(grid_), block(block_), shared_bytes(shared), site(at) {}
  dim3 grid, block;
  std::size_t shared_bytes;  // of dynamic shared memory: sizeof the kernel's Shared
  Site site;
};

// Starts `kernel` in `stream`. The kernel's own parameter types convert or reject each argument. An empty grid is no
// launch.
template <class... P>
void launch(Stream stream, const LaunchShape& shape, void (*kernel)(P...), std::type_identity_t<P>... args) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  start_kernel(stream.handle(), shape.grid, shape.block, shape.shared_bytes, shape.site, kernel, args...);
}

// Blocks of `per_block` items that cover `count` items.
inline unsigned blocks_for(std::int64_t count, std::int64_t per_block, const Site& site = Site::current()) {
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  check(blocks <= 0x7fffffff, site.file_name(), ":", site.line(), ": ", count, " items are too many for one launch");
  return static_cast<unsigned>(blocks);
}

}  // namespace basin::cuda
