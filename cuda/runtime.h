// What host code needs of a device: streams, events, memory, copies. Two implementations, chosen by the build:
// cuda/native/runtime.cpp for GPUs, cuda/simt/runtime.cpp for the emulator. Every failure throws Error and names the
// call site. Graphs of what a stream is asked to do: cuda/graph.h.
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
// Why this build cannot compute on `device`, in one line: no driver, too old a one, no such device, an architecture it
// has no code for. "" where it can.
std::string device_obstacle(int device);
void select_device(int device, const Site& site = Site::current());  // for the calling thread
int selected_device(const Site& site = Site::current());             // at first 0

// Work in a stream runs in order. A Stream is a name, not the owner.
class Stream {
 public:
  explicit Stream(CUstream_st* handle = nullptr) : handle_(handle) {}
  CUstream_st* handle() const { return handle_; }
  void synchronize(const Site& site = Site::current()) const;  // waits for all work submitted so far
  bool capturing(const Site& site = Site::current()) const;    // is work kept for a graph?

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
  bool reached(const Site& site = Site::current()) const;              // without waiting
  void synchronize(const Site& site = Site::current()) const;          // waits until it is
  // Waits for both events.
  double milliseconds_since(const Event& start, const Site& site = Site::current()) const;

 private:
  Handle<CUevent_st*, destroy_event> handle_;
};

class MemoryPool;

// Device memory for the work of one stream: allocated and released in the stream's order, by the pool of the selected
// device (cuda/memory_pool.h). Move-only. Uninitialised, 256-byte aligned, never null.
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
  MemoryPool* pool_;
  void* data_;
  std::size_t bytes_;
};

// Memory of the host that the device copies to and from without staging. Slow to make: keep it.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::size_t bytes, const Site& site = Site::current());
  void* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  static void free_pinned(void* data) noexcept;
  Handle<void*, free_pinned> data_;
  std::size_t bytes_;
};

// `host` may be used again, or has been filled, when these return; only a copy from the device waits for it. While the
// stream captures, the values at `host` become part of the graph, and copies to the host are errors.
void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes, const Site& site = Site::current());
void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes, const Site& site = Site::current());
void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes, const Site& site = Site::current());
// Does not wait: `host` is filled when the stream comes to it.
void start_copy_to_host(Stream stream, const PinnedBuffer& host, const void* from, std::size_t bytes,
                        const Site& site = Site::current());

// ---- what MemoryPool is made of: memory of the selected device
void* device_malloc(std::size_t bytes, const Site& site);  // 256-byte aligned; null where there is not so much
void device_free(void* data) noexcept;                     // waits for the device
struct DeviceMemory {
  std::size_t free_bytes, total_bytes;
};
DeviceMemory device_memory(const Site& site);
// The first `bytes` of a block, no more, are in use and uninitialised from now on; each time, too, that the graph which
// `capturing` (or null) captures comes to this place. Nothing on a GPU; the emulator reports reads of what nothing has
// written since, and any use of the rest.
void begin_use(void* block, std::size_t bytes, const Stream* capturing);
void end_use(void* block, const Stream* capturing) noexcept;

}  // namespace basin::cuda
