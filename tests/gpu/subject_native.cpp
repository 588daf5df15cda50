// The subject of the tests is a GPU. Counts the calls by which the host waits for it: the linker turns the calls of
// Basin's code into these (--wrap in CMakeLists.txt); what libraries do inside of themselves is not seen.
#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdlib>

#include "cuda/installation.h"
#include "tests/gpu/device.h"

namespace {

std::atomic<std::uint64_t> waits{0};

}  // namespace

extern "C" {

cudaError_t __real_cudaStreamSynchronize(cudaStream_t stream);
cudaError_t __real_cudaDeviceSynchronize();
cudaError_t __real_cudaMalloc(void** data, size_t bytes);
cudaError_t __real_cudaFree(void* data);
cudaError_t __real_cudaHostAlloc(void** data, size_t bytes, unsigned flags);
cudaError_t __real_cudaFreeHost(void* data);
cudaError_t __real_cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind);

cudaError_t __wrap_cudaStreamSynchronize(cudaStream_t stream) {
  ++waits;
  return __real_cudaStreamSynchronize(stream);
}
cudaError_t __wrap_cudaDeviceSynchronize() {
  ++waits;
  return __real_cudaDeviceSynchronize();
}
// Allocations and releases wait for the device, or may.
cudaError_t __wrap_cudaMalloc(void** data, size_t bytes) {
  ++waits;
  return __real_cudaMalloc(data, bytes);
}
cudaError_t __wrap_cudaFree(void* data) {
  ++waits;
  return __real_cudaFree(data);
}
cudaError_t __wrap_cudaHostAlloc(void** data, size_t bytes, unsigned flags) {
  ++waits;
  return __real_cudaHostAlloc(data, bytes, flags);
}
cudaError_t __wrap_cudaFreeHost(void* data) {
  ++waits;
  return __real_cudaFreeHost(data);
}
cudaError_t __wrap_cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  ++waits;
  return __real_cudaMemcpy(to, from, bytes, kind);
}

}  // extern "C"

namespace basin::gpu {

bool small_shapes() {
  const char* shapes = std::getenv("BASIN_GPU_TEST_SHAPES");
  return shapes && std::string_view(shapes) == "small";
}

std::uint64_t host_waits() { return waits; }

std::string library_obstacle(std::string_view name) {
  for (const cuda::FoundLibrary& library : cuda::find_libraries())
    if (library.name == name) return library.obstacle;
  return "nothing of that name is looked for";
}

}  // namespace basin::gpu
