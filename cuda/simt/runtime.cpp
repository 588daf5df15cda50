// The emulated device: its memory is that of the host, its streams do everything at once.
#include "cuda/runtime.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.h"
#include "cuda/memory_pool.h"
#include "cuda/simt/allocations.h"
#include "cuda/simt/simt.h"
#include "cuda/simt/stream.h"

// What a handle of an emulated event points to.
struct CUevent_st {
  std::chrono::steady_clock::time_point time;
  bool known = false;  // has the host been told that it is reached?
};

namespace basin {
namespace {

std::atomic<std::uint64_t> waits{0};

}  // namespace

std::uint64_t simt::host_waits() { return waits; }

namespace cuda {
namespace {

void check_not_captured(Stream stream, const char* what, const Site& site) {
  check(!stream.capturing(site), site.file_name(), ":", site.line(), ": ", what, " while the stream is captured");
}

// [data, data + bytes) of an allocation, found when a copy is asked for and not when a graph does it again.
class Range {
 public:
  Range(const void* data, std::size_t bytes)
      : allocation_(&simt::allocation_of(data, bytes)), data_(static_cast<const char*>(data)), bytes_(bytes) {}
  void mark_written() const {
    allocation_->shadow.mark_written(static_cast<std::size_t>(data_ - allocation_->data), bytes_);
  }

 private:
  simt::Allocation* allocation_;
  const char* data_;
  std::size_t bytes_;
};

}  // namespace

int device_count(std::string*) { return simt::options().devices; }

std::string device_obstacle(int device) {
  const int count = simt::options().devices;
  if (device >= 0 && device < count) return "";
  return "device " + std::to_string(device) + ": there " +
         (count == 1 ? "is one emulated device, 0" : "are " + std::to_string(count) + " emulated devices");
}

DeviceInfo device_info(int device, const Site&) {
  const std::string obstacle = device_obstacle(device);
  check(obstacle.empty(), obstacle);
  return {.name = "SIMT emulator",
          .major = 9,
          .minor = 0,
          .multiprocessors = 1,
          .memory_bytes = simt::memory().total_bytes};
}

void select_device(int device, const Site& site) {
  device_info(device, site);
  simt::select_device(device);
}
int selected_device(const Site&) { return simt::selected_device(); }

void Stream::synchronize(const Site& site) const {
  simt::check_device(site);
  check_not_captured(*this, "waiting for it", site);
  ++waits;
}
bool Stream::capturing(const Site&) const { return handle_ && handle_->recording; }

void destroy_stream(CUstream_st* stream) noexcept {
  const Stream ended(stream);
  memory_pool().trim(&ended);
  delete stream;
}
void destroy_event(CUevent_st* event) noexcept { delete event; }

OwnedStream::OwnedStream(const Site&) : handle_(new CUstream_st) {}

Event::Event(const Site&) : handle_(new CUevent_st) {}
void Event::record(Stream, const Site& site) {
  simt::check_device(site);
  *handle_.get() = {std::chrono::steady_clock::now(), false};
}
void Event::wait(Stream, const Site&) const {}
bool Event::reached(const Site&) const { return handle_.get()->known = true; }
void Event::synchronize(const Site&) const {
  if (!handle_.get()->known) ++waits;
  handle_.get()->known = true;
}
double Event::milliseconds_since(const Event& start, const Site&) const {
  return std::chrono::duration<double, std::milli>(handle_.get()->time - start.handle_.get()->time).count();
}

PinnedBuffer::PinnedBuffer(std::size_t bytes, const Site&) : data_(std::malloc(bytes ? bytes : 1)), bytes_(bytes) {
  check(data_.get() != nullptr, "simt: no memory for ", bytes, " bytes");
}
void PinnedBuffer::free_pinned(void* data) noexcept { std::free(data); }

void copy_to_device(Stream stream, void* to, const void* host, std::size_t bytes, const Site& site) {
  simt::check_device(site);
  const Range range(to, bytes);
  const auto copy = [range, to, bytes](const void* from) {
    range.mark_written();
    if (bytes > 0) std::memcpy(to, from, bytes);
  };
  if (!stream.capturing(site)) return copy(host);
  const auto* values = static_cast<const char*>(host);
  simt::submit(stream.handle(), [copy, kept = std::vector<char>(values, values + bytes)] { copy(kept.data()); });
}

void copy_to_host(Stream stream, void* host, const void* from, std::size_t bytes, const Site& site) {
  simt::check_device(site);
  check_not_captured(stream, "a copy to the host", site);
  simt::check_allocated(from, bytes);
  if (bytes > 0) std::memcpy(host, from, bytes);
  ++waits;
}

void start_copy_to_host(Stream stream, const PinnedBuffer& host, const void* from, std::size_t bytes,
                        const Site& site) {
  simt::check_device(site);
  check(bytes <= host.bytes(), "a copy of ", bytes, " bytes into ", host.bytes());
  check_not_captured(stream, "a copy to the host", site);
  simt::check_allocated(from, bytes);
  if (bytes > 0) std::memcpy(host.data(), from, bytes);
}

void copy_on_device(Stream stream, void* to, const void* from, std::size_t bytes, const Site&) {
  const Range source(from, bytes), range(to, bytes);
  simt::submit(stream.handle(), [range, to, from, bytes] {
    range.mark_written();
    if (bytes > 0) std::memmove(to, from, bytes);
  });
}

void* device_malloc(std::size_t bytes, const Site&) {
  const simt::Memory memory = simt::memory();
  if (bytes > memory.total_bytes || memory.allocated_bytes > memory.total_bytes - bytes) return nullptr;
  return simt::allocate(bytes);
}
void device_free(void* data) noexcept { simt::release(data); }
DeviceMemory device_memory(const Site&) {
  const simt::Memory memory = simt::memory();
  return {memory.total_bytes - memory.allocated_bytes, memory.total_bytes};
}

void begin_use(void* block, std::size_t bytes, const Stream* capturing) {
  simt::begin_use(block, bytes);
  if (capturing) simt::submit(capturing->handle(), [block, bytes] { simt::begin_use(block, bytes); });
}

void end_use(void* block, const Stream* capturing) noexcept {
  simt::end_use(block);
  if (capturing) simt::submit(capturing->handle(), [block] { simt::end_use(block); });
}

}  // namespace cuda
}  // namespace basin
