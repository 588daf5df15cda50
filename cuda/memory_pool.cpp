#include "cuda/memory_pool.h"

#include <algorithm>
#include <bit>
#include <iomanip>
#include <new>
#include <sstream>
#include <utility>

#include "core/error.h"

namespace basin::cuda {
namespace {

constexpr std::size_t kSmallest = 256;

// The smallest size class that holds `bytes`: a multiple of an eighth of the next lower power of two.
std::size_t class_of(std::size_t bytes) {
  const std::size_t least = std::max(bytes, kSmallest);
  const std::size_t step = std::max(std::bit_floor(least) / 8, kSmallest);
  return (least + step - 1) / step * step;
}

std::string mebibytes(std::size_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1 << 20) << " MiB";
  return text.str();
}

}  // namespace

void* MemoryPool::allocate(Stream stream, std::size_t bytes, const Site& site) {
  const std::size_t size = class_of(bytes);
  const std::lock_guard lock(mutex_);
  Arena* const arena = open_arena(stream);
  void* data = take_unused(stream, arena, size);
  if (!data) data = from_device(size, bytes, site);
  used_.emplace(data, Block{size, stream, arena});
  begin_use(data, bytes, arena ? &stream : nullptr);
  return data;
}

MemoryPool::Arena* MemoryPool::open_arena(Stream stream) const {
  const auto found = open_.find(stream.handle());
  return found == open_.end() ? nullptr : found->second;
}

// The blocks released last are the likeliest to be in a cache. An arena takes over what the pool has of its stream.
void* MemoryPool::take_unused(Stream stream, Arena* arena, std::size_t size) {
  for (Blocks* blocks : {arena ? &arena->unused : nullptr, &unused_[stream.handle()]}) {
    if (!blocks) continue;
    const auto found = blocks->find(size);
    if (found == blocks->end() || found->second.empty()) continue;
    void* data = found->second.back();
    found->second.pop_back();
    return data;
  }
  return nullptr;
}

void* MemoryPool::from_device(std::size_t size, std::size_t bytes, const Site& site) {
  void* data = device_malloc(size, site);
  if (!data) {
    for (auto& [stream, blocks] : unused_) free_all(blocks);
    data = device_malloc(size, site);
  }
  if (!data) fail_allocation(bytes, site);
  reserved_ += size;
  return data;
}

void MemoryPool::release(void* data) noexcept {
  if (!data) return;
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(data);
  const Block block = found->second;
  used_.erase(found);
  const bool captured = block.arena && block.arena == open_arena(block.stream);
  end_use(data, captured ? &block.stream : nullptr);
  keep(data, block.size, block.arena ? block.arena->unused : unused_[block.stream.handle()]);
}

void MemoryPool::keep(void* data, std::size_t size, Blocks& unused) noexcept {
  try {
    unused[size].push_back(data);
  } catch (const std::bad_alloc&) {  // no room to remember it: give it back
    free_block(data, size);
  }
}

void MemoryPool::free_block(void* data, std::size_t size) noexcept {
  device_free(data);
  reserved_ -= size;
}

void MemoryPool::trim(const Stream* only) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& [stream, blocks] : unused_)
    if (!only || only->handle() == stream) free_all(blocks);
  if (only) unused_.erase(only->handle());
}

void MemoryPool::free_all(Blocks& blocks) noexcept {
  for (auto& [size, list] : blocks) {
    for (void* data : list) free_block(data, size);
    list.clear();
  }
}

MemoryPool::Usage MemoryPool::usage() const {
  const std::lock_guard lock(mutex_);
  Usage usage{0, reserved_};
  for (const auto& [data, block] : used_) usage.used += block.size;
  return usage;
}

void MemoryPool::fail_allocation(std::size_t bytes, const Site& site) const {
  const DeviceMemory memory = device_memory(site);
  fail<OutOfMemory>(site.file_name(), ":", site.line(), ": cuda:", device_, " (", device_info(device_, site).name,
                    "): no memory for ", mebibytes(bytes), ": ", mebibytes(memory.free_bytes), " of ",
                    mebibytes(memory.total_bytes), " are free");
}

// Never destroyed: tensors held by statics are released after it would be.
MemoryPool& memory_pool() {
  struct Pools {
    std::mutex mutex;
    std::map<int, MemoryPool> of_device;
  };
  static Pools& pools = *new Pools;
  const int device = selected_device();
  const std::lock_guard lock(pools.mutex);
  return pools.of_device.try_emplace(device, device).first->second;
}

MemoryArena::MemoryArena(MemoryPool& pool, Stream stream)
    : pool_(pool), arena_(std::make_unique<MemoryPool::Arena>(stream, MemoryPool::Blocks{})) {
  const std::lock_guard lock(pool_.mutex_);
  check(pool_.open_.try_emplace(stream.handle(), arena_.get()).second, "cuda: a stream has one arena at a time");
}

void MemoryArena::close() noexcept {
  const std::lock_guard lock(pool_.mutex_);
  const auto found = pool_.open_.find(arena_->stream.handle());
  if (found != pool_.open_.end() && found->second == arena_.get()) pool_.open_.erase(found);
}

MemoryArena::~MemoryArena() {
  close();
  const std::lock_guard lock(pool_.mutex_);
  for (auto& [data, block] : pool_.used_)
    if (block.arena == arena_.get()) block.arena = nullptr;
  for (auto& [size, list] : arena_->unused)
    for (void* data : list) pool_.keep(data, size, pool_.unused_[arena_->stream.handle()]);
}

DeviceBuffer::DeviceBuffer(Stream stream, std::size_t bytes, const Site& site)
    : pool_(&memory_pool()), data_(pool_->allocate(stream, bytes, site)), bytes_(bytes) {}
DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : pool_(other.pool_), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}
DeviceBuffer::~DeviceBuffer() { pool_->release(data_); }

}  // namespace basin::cuda
