#include "cuda/runtime.h"

#include <utility>

#include "cuda/error.h"

namespace basin::cuda {

int device_count(std::string* reason) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  if (reason) *reason = status == cudaSuccess ? "no CUDA device" : cudaGetErrorString(status);
  return 0;
}

DeviceInfo device_info(int device, const Site& site) {
  cudaDeviceProp properties{};
  CUDA_CHECK_AT(site, cudaGetDeviceProperties(&properties, device));
  return {.name = properties.name,
          .major = properties.major,
          .minor = properties.minor,
          .multiprocessors = properties.multiProcessorCount,
          .memory_bytes = properties.totalGlobalMem};
}

void select_device(int device, const Site& site) { CUDA_CHECK_AT(site, cudaSetDevice(device)); }

void Stream::synchronize(const Site& site) const { CUDA_CHECK_AT(site, cudaStreamSynchronize(handle_)); }

void destroy_stream(CUstream_st* stream) noexcept { cudaStreamDestroy(stream); }
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

double Event::milliseconds_since(const Event& start, const Site& site) const {
  CUDA_CHECK_AT(site, cudaEventSynchronize(handle_.get()));
  float milliseconds = 0;
  CUDA_CHECK_AT(site, cudaEventElapsedTime(&milliseconds, start.handle_.get(), handle_.get()));
  return static_cast<double>(milliseconds);
}

DeviceBuffer::DeviceBuffer(Stream stream, std::size_t bytes, const Site& site) : stream_(stream), bytes_(bytes) {
  if (bytes > 0) CUDA_CHECK_AT(site, cudaMallocAsync(&data_, bytes, stream.handle()));
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : stream_(other.stream_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(stream_, other.stream_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_) cudaFreeAsync(data_, stream_.handle());
}

void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes, const Site& site) {
  // The copy has left pageable memory when the call returns, but may still be on its way; the stream keeps the order.
  CUDA_CHECK_AT(site, cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, stream.handle()));
}

void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes, const Site& site) {
  CUDA_CHECK_AT(site, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream.handle()));
  stream.synchronize(site);
}

void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes, const Site& site) {
  CUDA_CHECK_AT(site, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream.handle()));
}

}  // namespace basin::cuda
