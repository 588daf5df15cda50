#include "cuda/runtime.h"

#include <algorithm>

#include "cuda/error.h"
#include "cuda/memory_pool.h"
#include "cuda/native/captured_values.h"

namespace basin::cuda {
namespace {

void check_not_captured(Stream stream, const Site& site) {
  check(!stream.capturing(site), site.file_name(), ":", site.line(),
        ": a copy to the host while the stream is captured");
}

}  // namespace

void select_device(int device, const Site& site) { CUDA_CHECK_AT(site, cudaSetDevice(device)); }

int selected_device(const Site& site) {
  int device = 0;
  CUDA_CHECK_AT(site, cudaGetDevice(&device));
  return device;
}

void Stream::synchronize(const Site& site) const { CUDA_CHECK_AT(site, cudaStreamSynchronize(handle_)); }

bool Stream::capturing(const Site& site) const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  CUDA_CHECK_AT(site, cudaStreamIsCapturing(handle_, &status));
  return status != cudaStreamCaptureStatusNone;
}

void destroy_stream(CUstream_st* stream) noexcept {
  const Stream ended(stream);
  memory_pool().trim(&ended);
  cudaStreamDestroy(stream);
}
void destroy_event(CUevent_st* event) noexcept { cudaEventDestroy(event); }

OwnedStream::OwnedStream(const Site& site) {
  cudaStream_t stream = nullptr;
  // Not ordered with the default stream, which others may use.
  CUDA_CHECK_AT(site, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  handle_ = Handle<CUstream_st*, destroy_stream>(stream);
}

Event::Event(const Site& site) {
  cudaEvent_t event = nullptr;
  CUDA_CHECK_AT(site, cudaEventCreate(&event));
  handle_ = Handle<CUevent_st*, destroy_event>(event);
}

void Event::record(Stream stream, const Site& site) {
  CUDA_CHECK_AT(site, cudaEventRecord(handle_.get(), stream.handle()));
}

void Event::wait(Stream stream, const Site& site) const {
  CUDA_CHECK_AT(site, cudaStreamWaitEvent(stream.handle(), handle_.get(), 0));
}

bool Event::reached(const Site& site) const {
  const cudaError_t status = cudaEventQuery(handle_.get());
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // not an error
    return false;
  }
  CUDA_CHECK_AT(site, status);
  return true;
}

void Event::synchronize(const Site& site) const { CUDA_CHECK_AT(site, cudaEventSynchronize(handle_.get())); }

double Event::milliseconds_since(const Event& start, const Site& site) const {
  CUDA_CHECK_AT(site, cudaEventSynchronize(handle_.get()));
  float milliseconds = 0;
  CUDA_CHECK_AT(site, cudaEventElapsedTime(&milliseconds, start.handle_.get(), handle_.get()));
  return static_cast<double>(milliseconds);
}

PinnedBuffer::PinnedBuffer(std::size_t bytes, const Site& site) : bytes_(bytes) {
  void* data = nullptr;
  CUDA_CHECK_AT(site, cudaHostAlloc(&data, std::max(bytes, std::size_t{1}), cudaHostAllocPortable));
  data_ = Handle<void*, free_pinned>(data);
}

void PinnedBuffer::free_pinned(void* data) noexcept { cudaFreeHost(data); }

void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes, const Site& site) {
  // The copy has left pageable memory when the call returns, but may still be on its way; the stream keeps the order.
  if (bytes == 0) return;
  const void* from = values_for_graph(stream.handle(), host, bytes, site);
  CUDA_CHECK_AT(site, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream.handle()));
}

void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes, const Site& site) {
  check_not_captured(stream, site);
  if (bytes == 0) return;
  CUDA_CHECK_AT(site, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream.handle()));
  stream.synchronize(site);
}

void start_copy_to_host(Stream stream, const PinnedBuffer& host, const void* from, std::size_t bytes,
                        const Site& site) {
  check(bytes <= host.bytes(), "a copy of ", bytes, " bytes into ", host.bytes());
  check_not_captured(stream, site);
  if (bytes == 0) return;
  CUDA_CHECK_AT(site, cudaMemcpyAsync(host.data(), from, bytes, cudaMemcpyDeviceToHost, stream.handle()));
}

void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes, const Site& site) {
  if (bytes == 0) return;
  CUDA_CHECK_AT(site, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream.handle()));
}

void* device_malloc(std::size_t bytes, const Site& site) {
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // not sticky
    return nullptr;
  }
  CUDA_CHECK_AT(site, status);
  return data;
}

void device_free(void* data) noexcept { cudaFree(data); }

DeviceMemory device_memory(const Site& site) {
  DeviceMemory memory{};
  CUDA_CHECK_AT(site, cudaMemGetInfo(&memory.free_bytes, &memory.total_bytes));
  return memory;
}

void begin_use(void*, std::size_t, const Stream*) {}
void end_use(void*, const Stream*) noexcept {}

}  // namespace basin::cuda
