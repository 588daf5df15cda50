// What the tests of the CUDA back end run on. Without a usable GPU main.cpp skips every test aloud; nothing here is
// called then. The same sources run on the emulator (gpu_tests_emulated). Which it is: subject_native.cpp or
// subject_emulated.cpp.
#pragma once
#include "core/backend.h"
#include "cuda/cuda_backend.h"

namespace basin::gpu {

inline Backend& device() { return cuda::cuda_backend(0); }

// On the emulator, and on a GPU with BASIN_GPU_TEST_SHAPES=small, for compute-sanitizer. Else there are the shapes of
// real networks too.
bool small_shapes();

// How often the host has waited for the device in this process: for a stream or the device, or for a copy or a release
// that waits. Waiting for an event leaves the device what came after it and does not count.
std::uint64_t host_waits();

// Why the back end has no convolutions of cuDNN, or matrix products of cuBLASLt, beside Basin's own; "": it has.
std::string library_obstacle(std::string_view name);

}  // namespace basin::gpu
