// The emulated device: its memory is that of the host, its streams do everything at once.
#include "cuda/runtime.h"

#include <chrono>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "cuda/simt/simt.h"

// What the handles of the emulated device point to.
struct CUstream_st {};
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
};

namespace basin::cuda {

int device_count(std::string*) { return 1; }

DeviceInfo device_info(int device, const Site&) {
  check(device == 0, "device ", device, ": there is one emulated device, 0");
  return {.name = "SIMT emulator", .major = 9, .minor = 0, .multiprocessors = 1};
}

void select_device(int device, const Site& site) { device_info(device, site); }

void Stream::synchronize(const Site&) const {}

void destroy_stream(CUstream_st* stream) noexcept { delete stream; }
void destroy_event(CUevent_st* event) noexcept { delete event; }

OwnedStream::OwnedStream(const Site&) : handle_(new CUstream_st) {}

Event::Event(const Site&) : handle_(new CUevent_st) {}
void Event::record(Stream, const Site&) { handle_.get()->time = std::chrono::steady_clock::now(); }
void Event::wait(Stream, const Site&) const {}
double Event::milliseconds_since(const Event& start, const Site&) const {
  return std::chrono::duration<double, std::milli>(handle_.get()->time - start.handle_.get()->time).count();
}

DeviceBuffer::DeviceBuffer(Stream stream, std::size_t bytes, const Site&)
    : stream_(stream), data_(simt::allocate(bytes)), bytes_(bytes) {}
DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : stream_(other.stream_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(stream_, other.stream_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
DeviceBuffer::~DeviceBuffer() { simt::release(data_); }

void copy_to_device(Stream, void* to, const void* host, std::size_t bytes, const Site&) {
  simt::mark_written(to, bytes);
  std::memcpy(to, host, bytes);
}

void copy_to_host(Stream, void* host, const void* from, std::size_t bytes, const Site&) {
  simt::check_allocated(from, bytes);
  std::memcpy(host, from, bytes);
}

void copy_on_device(Stream, void* to, const void* from, std::size_t bytes, const Site&) {
  simt::check_allocated(from, bytes);
  simt::mark_written(to, bytes);
  std::memmove(to, from, bytes);
}

}  // namespace basin::cuda
