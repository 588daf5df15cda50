// Starting a kernel in the emulator: unless the stream captures it, it has ended when this returns.
#pragma once
#include <type_traits>

#include "cuda/simt/simt.h"
#include "cuda/simt/stream.h"

namespace basin::simt {

// Throws Error where the hardware refuses such a launch.
void check_launch(dim3 grid, dim3 block, std::size_t shared_bytes, const std::source_location& site);

}  // namespace basin::simt

namespace basin::cuda {

template <class... P>
void start_kernel(CUstream_st* stream, dim3 grid, dim3 block, std::size_t shared_bytes,
                  const std::source_location& site, void (*kernel)(P...), std::type_identity_t<P>... args) {
  simt::check_launch(grid, block, shared_bytes, site);
  // The arguments are kept by value, as a graph keeps them.
  simt::submit(stream, [=] { simt::run_grid(grid, block, shared_bytes, site, [&] { kernel(args...); }); });
}

}  // namespace basin::cuda
