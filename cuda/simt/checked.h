// How kernels see memory, emulated: every access is checked. The twin of cuda/native/memory.cuh, where the same names
// are plain pointers and arrays.
//
// An element is used through a proxy, so a kernel writes `const float v = x[i];`, not `auto`.
#pragma once
#include <atomic>
#include <concepts>
#include <cstring>
#include <type_traits>

#include "cuda/simt/allocations.h"
#include "cuda/simt/block.h"

namespace basin::cuda {

// An index that knows the source line where it is used.
struct Index {
  template <std::integral I>
  Index(I i, const simt::Site& at = simt::Site::current()) : value(static_cast<std::int64_t>(i)), site(at) {}
  std::int64_t value;
  simt::Site site;
};

// N values that are read or written at once.
template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T values[N];
  T& operator[](int i) { return values[i]; }
  const T& operator[](int i) const { return values[i]; }
};

// Element `i` of an array: reading and writing it are calls of the array's load and store.
template <class Array>
class Element {
 public:
  using Value = typename Array::Value;
  Element(const Array& array, const Index& i) : array_(array), i_(i) {}
  Element(const Element&) = delete;
  operator Value() const { return array_.template load<Value>(i_); }
  Value operator=(const Value& value) const {
    array_.store(i_, value);
    return value;
  }
  Value operator=(const Element& other) const { return *this = static_cast<Value>(other); }
  Value operator+=(const Value& value) const { return *this = static_cast<Value>(*this) + value; }

 private:
  const Array& array_;
  Index i_;
};

// `count` elements of device memory; T is const for what a kernel only reads. A null one stands for an absent operand.
template <class T>
class Global {
 public:
  using Value = std::remove_const_t<T>;

  Global() = default;
  Global(T* data, std::int64_t count) : data_(data), count_(count) {
    if (data) allocation_ = &simt::allocation_of(data, static_cast<std::size_t>(count) * sizeof(T));
  }
  explicit operator bool() const { return data_ != nullptr; }

  auto operator[](Index i) const {
    if constexpr (std::is_const_v<T>)
      return load<Value>(i);
    else
      return Element<Global>(*this, i);
  }
  // Elements [i, i + N); i is a multiple of N and the data aligned as Vector<T, N>.
  template <int N>
  Vector<Value, N> load_vector(Index i) const {
    return load<Vector<Value, N>>(i);
  }
  template <int N>
  void store_vector(Index i, const Vector<Value, N>& vector) const {
    store(i, vector);
  }
  // Elements [begin, begin + count).
  Global slice(Index begin, std::int64_t count) const {
    check_range(begin, count);
    Global part = *this;
    part.data_ += begin.value;
    part.count_ = count;
    return part;
  }
  // Adds `value` to element `i`, atomically, and returns what was there.
  Value atomic_add(Index i, Value value) const {
    access(simt::Access::atomic, i, 1);
    return std::atomic_ref<Value>(data_[i.value]).fetch_add(value, std::memory_order_relaxed);
  }

 private:
  friend class Element<Global>;

  void check_range(const Index& i, std::int64_t count) const {
    if (i.value < 0 || count < 0 || i.value > count_ - count)
      simt::Block::current().fault(i.site, "global memory: elements ", i.value, " to ", i.value + count - 1, " of ",
                                   count_);
  }
  T* access(simt::Access kind, const Index& i, std::int64_t count) const {
    check_range(i, count);
    T* data = data_ + i.value;
    const auto offset = static_cast<std::size_t>(reinterpret_cast<const char*>(data) - allocation_->data);
    simt::Block::current().access(simt::Space::global, kind, allocation_->shadow, data, offset,
                                  static_cast<std::size_t>(count) * sizeof(T), i.site);
    return data;
  }
  template <class U>
  U load(const Index& i) const {
    U value;
    std::memcpy(static_cast<void*>(&value), access(simt::Access::read, i, sizeof(U) / sizeof(T)), sizeof(U));
    return value;
  }
  template <class U>
  void store(const Index& i, const U& value) const {
    std::memcpy(static_cast<void*>(access(simt::Access::write, i, sizeof(U) / sizeof(T))), &value, sizeof(U));
  }

  T* data_ = nullptr;
  std::int64_t count_ = 0;
  simt::Allocation* allocation_ = nullptr;
};

// An array in a kernel's struct of shared memory, aligned for vectors of 16 bytes.
template <class T, int N>
class alignas(alignof(T) > 16 ? alignof(T) : 16) SharedArray {
 public:
  using Value = T;
  SharedArray() = default;
  SharedArray(const SharedArray&) = delete;

  Element<SharedArray> operator[](Index i) { return {*this, i}; }
  // Elements [i, i + V), aligned as Vector<T, V>.
  template <int V>
  Vector<T, V> load_vector(Index i) const {
    Vector<T, V> vector;
    std::memcpy(static_cast<void*>(&vector), access_vector(simt::Access::read, i, V), sizeof(vector));
    return vector;
  }
  template <int V>
  void store_vector(Index i, const Vector<T, V>& vector) {
    std::memcpy(static_cast<void*>(access_vector(simt::Access::write, i, V)), &vector, sizeof(vector));
  }
  // 16 bytes for elements i, i + 1, ... (Block::start_copy)
  void start_copy(Index i, const void* bytes) {
    check_range(i, 16 / sizeof(T));
    simt::Block::current().start_copy(values_ + i.value, bytes, i.site);
  }
  void check_range(const Index& i, std::int64_t count) const {
    if (i.value < 0 || i.value > N - count)
      simt::Block::current().fault(i.site, "shared memory: elements ", i.value, " to ", i.value + count - 1, " of ", N);
  }
  T atomic_add(Index i, T value) {
    return std::atomic_ref<T>(*access(simt::Access::atomic, i)).fetch_add(value, std::memory_order_relaxed);
  }

 private:
  friend class Element<SharedArray>;

  T* access_vector(simt::Access kind, const Index& i, std::int64_t count) const {
    check_range(i, count);
    T* data = const_cast<T*>(values_) + i.value;
    simt::Block& block = simt::Block::current();
    block.access(simt::Space::shared, kind, block.shared_shadow(), data, block.shared_offset(data),
                 static_cast<std::size_t>(count) * sizeof(T), i.site);
    return data;
  }
  T* access(simt::Access kind, const Index& i) const {
    simt::Block& block = simt::Block::current();
    if (i.value < 0 || i.value >= N) block.fault(i.site, "shared memory: element ", i.value, " of ", N);
    T* data = const_cast<T*>(values_) + i.value;
    constexpr std::size_t kUnit = alignof(T);  // a struct is accessed by its members
    for (std::size_t at = 0; at < sizeof(T); at += kUnit) {
      const char* part = reinterpret_cast<const char*>(data) + at;
      block.access(simt::Space::shared, kind, block.shared_shadow(), part, block.shared_offset(part), kUnit, i.site);
    }
    return data;
  }
  template <class U>
  U load(const Index& i) const {
    U value;
    std::memcpy(static_cast<void*>(&value), access(simt::Access::read, i), sizeof(U));
    return value;
  }
  template <class U>
  void store(const Index& i, const U& value) const {
    std::memcpy(static_cast<void*>(access(simt::Access::write, i)), &value, sizeof(U));
  }

  T values_[N];
};

// The kernel's dynamic shared memory: LaunchShape.shared_bytes, at least sizeof(Shared).
template <class Shared>
Shared& shared_memory() {
  return *reinterpret_cast<Shared*>(simt::Block::current().shared_memory(sizeof(Shared)));
}

// Waits until `threads` threads, whole warps of the block, have come to barrier `id` (1 to 15; 0 is __syncthreads).
inline void named_barrier(unsigned id, unsigned threads, const simt::Site& site = simt::Site::current()) {
  simt::Block::current().barrier(id, threads, site);
}

}  // namespace basin::cuda
