// Starting a kernel in the emulator: it has ended when this returns.
#pragma once
#include <type_traits>

#include "cuda/simt/simt.h"

struct CUstream_st;

namespace basin::cuda {

template <class... P>
void start_kernel(CUstream_st*, dim3 grid, dim3 block, std::size_t shared_bytes, const std::source_location& site,
                  void (*kernel)(P...), std::type_identity_t<P>... args) {
  simt::run_grid(grid, block, shared_bytes, site, [&] { kernel(args...); });
}

}  // namespace basin::cuda
