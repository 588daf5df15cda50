// How kernels see memory on a GPU: plain pointers and arrays behind the names whose accesses cuda/simt/checked.h
// checks.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace basin::cuda {

// N values that are read or written at once.
template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T values[N];
  __device__ T& operator[](int i) { return values[i]; }
  __device__ const T& operator[](int i) const { return values[i]; }
};

// One store of all bytes of a Word. The compiler takes vectors apart to compute them and does not always put them
// together again: said as a plain assignment, it may become a store for each value.
template <class Word, class V>
__device__ void store_whole(V* to, const V& vector) {
  static_assert(sizeof(Word) == sizeof(V));
  Word word;
  std::memcpy(&word, &vector, sizeof(word));
  __stwb(reinterpret_cast<Word*>(to), word);
}

// `count` elements of device memory; T is const for what a kernel only reads. A null one stands for an absent operand.
// Only the pointer is kept.
template <class T>
class Global {
 public:
  using Value = std::remove_const_t<T>;

  Global() = default;
  __host__ __device__ Global(T* data, std::int64_t) : data_(data) {}
  __device__ explicit operator bool() const { return data_ != nullptr; }

  template <class I>
  __device__ T& operator[](I i) const {
    return data_[i];
  }
  // Elements [i, i + N); i is a multiple of N and the data aligned as Vector<T, N>.
  template <int N, class I>
  __device__ Vector<Value, N> load_vector(I i) const {
    return *reinterpret_cast<const Vector<Value, N>*>(data_ + i);
  }
  template <int N, class I>
  __device__ void store_vector(I i, const Vector<Value, N>& vector) const {
    auto* const to = reinterpret_cast<Vector<Value, N>*>(data_ + i);
    if constexpr (sizeof(vector) == sizeof(uint4))
      store_whole<uint4>(to, vector);
    else if constexpr (sizeof(vector) == sizeof(uint2))
      store_whole<uint2>(to, vector);
    else if constexpr (sizeof(vector) == sizeof(unsigned))
      store_whole<unsigned>(to, vector);
    else
      *to = vector;
  }
  // Elements [begin, begin + count).
  template <class I>
  __device__ Global slice(I begin, std::int64_t count) const {
    return Global(data_ + begin, count);
  }
  // Adds `value` to element `i`, atomically, and returns what was there.
  template <class I>
  __device__ Value atomic_add(I i, Value value) const {
    return atomicAdd(data_ + i, value);
  }

 private:
  T* data_ = nullptr;
};

// An array in a kernel's struct of shared memory, aligned for vectors of 16 bytes.
template <class T, int N>
class alignas(alignof(T) > 16 ? alignof(T) : 16) SharedArray {
 public:
  template <class I>
  __device__ T& operator[](I i) {
    return values_[i];
  }
  // Elements [i, i + V), aligned as Vector<T, V>.
  template <int V, class I>
  __device__ Vector<T, V> load_vector(I i) const {
    return *reinterpret_cast<const Vector<T, V>*>(values_ + i);
  }
  template <int V, class I>
  __device__ void store_vector(I i, const Vector<T, V>& vector) {
    *reinterpret_cast<Vector<T, V>*>(values_ + i) = vector;
  }
  template <class I>
  __device__ T atomic_add(I i, T value) {
    return atomicAdd(values_ + i, value);
  }

 private:
  T values_[N];
};

// The kernel's dynamic shared memory: LaunchShape.shared_bytes, at least sizeof(Shared).
template <class Shared>
__device__ Shared& shared_memory() {
  extern __shared__ __align__(1024) unsigned char dynamic_shared_memory[];
  return *reinterpret_cast<Shared*>(dynamic_shared_memory);
}

// Waits until `threads` threads, whole warps of the block, have come to barrier `id` (1 to 15; 0 is __syncthreads).
__device__ inline void named_barrier(unsigned id, unsigned threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace basin::cuda
