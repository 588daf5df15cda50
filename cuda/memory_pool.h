// Device memory that is kept for reuse. A block that is released goes to the next who asks for its size in the same
// stream; what the two do with it is in the stream's order, so that neither waits for the device.
//
// Made on cudaMalloc, not on cudaMallocAsync: in a stream that captures, the latter becomes part of the graph, which
// then allocates at each run, at addresses that nothing outside of the graph may use, and cannot be run again before
// what outlived the capture is freed (CUDA C++ programming guide, "graph memory nodes"). Here a block has one address,
// inside and outside of graphs.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "cuda/runtime.h"

namespace basin::cuda {

// Of one device. Thread-safe. Blocks come in size classes, eight to a doubling, at least 256 bytes.
class MemoryPool {
 public:
  explicit MemoryPool(int device) : device_(device) {}

  // At least `bytes`, 256-byte aligned, never null. Where the device has no more, unused blocks are given back to it;
  // where that is not enough, OutOfMemory: device, bytes wanted, free and in all. The device is the selected one.
  void* allocate(Stream stream, std::size_t bytes, const Site& site = Site::current());
  // Null is nothing.
  void release(void* data) noexcept;
  // Gives unused blocks of no arena back to the device; waits for it. With `only`, those of that stream, which ends.
  void trim(const Stream* only = nullptr) noexcept;

  struct Usage {
    std::size_t used, reserved;  // bytes of blocks: in use, in all
  };
  Usage usage() const;

 private:
  friend class MemoryArena;
  using Blocks = std::map<std::size_t, std::vector<void*>>;  // by size
  struct Arena {
    Stream stream;
    Blocks unused;
  };
  struct Block {
    std::size_t size;
    Stream stream;
    Arena* arena;  // null: of the pool
  };

  Arena* open_arena(Stream stream) const;
  void* take_unused(Stream stream, Arena* arena, std::size_t size);
  void* from_device(std::size_t size, std::size_t bytes, const Site& site);
  void keep(void* data, std::size_t size, Blocks& unused) noexcept;
  void free_block(void* data, std::size_t size) noexcept;
  void free_all(Blocks& blocks) noexcept;
  [[noreturn]] void fail_allocation(std::size_t bytes, const Site& site) const;

  int device_;
  mutable std::mutex mutex_;
  std::unordered_map<void*, Block> used_;
  std::map<CUstream_st*, Blocks> unused_;
  std::map<CUstream_st*, Arena*> open_;
  std::size_t reserved_ = 0;
};

// The pool of the selected device, which lives for ever.
MemoryPool& memory_pool();

// The memory of captured work. From its making to close(), what is allocated in `stream` is the arena's and returns to
// it: the work's intermediate values share blocks, and nobody else gets one before the arena is destroyed. Blocks that
// are still in use then stay with those who use them.
class MemoryArena {
 public:
  MemoryArena(MemoryPool& pool, Stream stream);
  ~MemoryArena();
  MemoryArena(const MemoryArena&) = delete;
  MemoryArena& operator=(const MemoryArena&) = delete;

  void close() noexcept;

 private:
  MemoryPool& pool_;
  std::unique_ptr<MemoryPool::Arena> arena_;
};

}  // namespace basin::cuda
