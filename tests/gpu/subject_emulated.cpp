// The subject of the tests is the emulator.
#include "cuda/simt/stream.h"
#include "tests/gpu/device.h"

namespace basin::gpu {

bool small_shapes() { return true; }

std::uint64_t host_waits() { return simt::host_waits(); }

std::string library_obstacle(std::string_view) { return "the emulator has Basin's own kernels alone"; }

}  // namespace basin::gpu
