// What host code needs of a device: streams, events, memory, copies. Two implementations, chosen by the build:
// cuda/native/runtime.cpp for GPUs, cuda/simt/runtime.cpp for the emulator. Every failure throws Error and names the
// call site.
#pragma once
#include <cstddef>
#include <source_location>
#include <string>

#include "core/handle.h"

struct CUstream_st;  // cudaStream_t points to one
struct CUevent_st;

namespace basin::cuda {

using Site = std::source_location;

struct DeviceInfo {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
};
// Devices that can be used; where there are none, `*reason` says why in one line.
int device_count(std::string* reason = nullptr);
DeviceInfo device_info(int device, const Site& site = Site::current());
void select_device(int device, const Site& site = Site::current());  // for the calling thread

// Work in a stream runs in order. A Stream is a name, not the owner.
class Stream {
 public:
  explicit Stream(CUstream_st* handle = nullptr) : handle_(handle) {}
  CUstream_st* handle() const { return handle_; }
  void synchronize(const Site& site = Site::current()) const;  // waits for all work submitted so far

 private:
  CUstream_st* handle_;
};

void destroy_stream(CUstream_st* stream) noexcept;
void destroy_event(CUevent_st* event) noexcept;

class OwnedStream {
 public:
  explicit OwnedStream(const Site& site = Site::current());
  operator Stream() const { return Stream(handle_.get()); }

 private:
  Handle<CUstream_st*, destroy_stream> handle_;
};

class Event {
 public:
  explicit Event(const Site& site = Site::current());
  void record(Stream stream, const Site& site = Site::current());
  void wait(Stream stream, const Site& site = Site::current()) const;  // later work of `stream` comes after the event
  // Waits for both events.
  double milliseconds_since(const Event& start, const Site& site = Site::current()) const;

 private:
  Handle<CUevent_st*, destroy_event> handle_;
};

// Device memory for the work of one stream: allocated and freed in the stream's order. Move-only. Uninitialised.
class DeviceBuffer {
 public:
  DeviceBuffer(Stream stream, std::size_t bytes, const Site& site = Site::current());
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  Stream stream_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// `host` is pageable memory, which is staged: it may be used again, or has been filled, when these return.
void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes, const Site& site = Site::current());
void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes, const Site& site = Site::current());
void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes, const Site& site = Site::current());

}  // namespace basin::cuda
