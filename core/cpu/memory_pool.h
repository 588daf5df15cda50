// A cache of freed blocks: fresh pages cost a page fault each, which is a quarter of a training step's time where every
// activation is mapped anew.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace basin::cpu {

// 64-byte aligned blocks in size classes, four to a doubling. Thread-safe. At most a quarter of the machine's memory is
// kept for reuse. Under AddressSanitizer nothing is kept, so that it sees every overflow and use after release.
class MemoryPool {
 public:
  MemoryPool();
  void* allocate(std::size_t bytes);
  void release(void* data, std::size_t bytes) noexcept;

 private:
  void clear();

  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> free_;  // by the size of the class
  std::size_t cached_ = 0, limit_;                  // bytes
};

MemoryPool& memory_pool();

// Scratch memory of a kernel, from the pool.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : bytes_(bytes), data_(memory_pool().allocate(bytes)) {}
  ~Scratch() { memory_pool().release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  std::size_t bytes_;
  void* data_;
};

}  // namespace basin::cpu
