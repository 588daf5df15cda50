// Memory traffic of kernels that go once through arrays larger than the caches. One core's bandwidth is limited by the
// lines that it may have in flight, so reading is asked for ahead, and large results are stored past the cache, which
// spares reading their lines first. Together they make batch norm and its gradient a quarter faster.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/cpu/memory_pool.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace basin::cpu {

inline constexpr std::int64_t kCacheLine = 64;        // bytes
inline constexpr std::int64_t kPrefetchAhead = 2048;  // bytes
inline constexpr std::int64_t kStreamFrom = 1 << 20;  // bytes: smaller results stay in the cache for their readers

// Asks for the values [count] of each array, kPrefetchAhead further on. Null pointers are passed over; addresses behind
// an array's end do no harm.
template <class... T>
void prefetch_ahead(std::int64_t count, const T*... arrays) {
  const auto prefetch = [=](const auto* array) {
    if (!array) return;
    const auto start =
        reinterpret_cast<std::uintptr_t>(array) + kPrefetchAhead;  // not an element: no pointer arithmetic
    for (std::int64_t i = 0; i < count * static_cast<std::int64_t>(sizeof *array); i += kCacheLine)
      __builtin_prefetch(reinterpret_cast<const void*>(start + i));
  };
  (prefetch(arrays), ...);
}

// Where a thread writes an array tile by tile: straight into the array, or into a buffer that is then stored past the
// cache when the array is large and the processor can. A null array has null tiles.
template <class T>
class TileWriter {
 public:
  TileWriter(T* array, std::int64_t size, std::int64_t tile)
      : array_(array),
        streamed_(kCanStream && array && size * static_cast<std::int64_t>(sizeof(T)) >= kStreamFrom),
        buffer_(streamed_ ? static_cast<std::size_t>(tile) * sizeof(T) : 0) {}
  ~TileWriter() {
#if defined(__AVX512F__)
    if (streamed_) _mm_sfence();  // before other threads are told that the values are there
#endif
  }
  TileWriter(const TileWriter&) = delete;
  TileWriter& operator=(const TileWriter&) = delete;

  // Where to write the tile that begins at element `at`.
  T* tile(std::int64_t at) const { return streamed_ ? buffer_.as<T>() : array_ ? array_ + at : nullptr; }

  // To be called when `length` elements have been written there.
  void store([[maybe_unused]] std::int64_t at, [[maybe_unused]] std::int64_t length) const {
#if defined(__AVX512F__)
    if (!streamed_) return;
    const auto* from = buffer_.as<char>();
    auto* to = reinterpret_cast<char*>(array_ + at);
    std::int64_t bytes = length * static_cast<std::int64_t>(sizeof(T)), i = 0;
    if (reinterpret_cast<std::uintptr_t>(to) % kCacheLine == 0)
      for (; i + kCacheLine <= bytes; i += kCacheLine)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i), _mm512_load_si512(from + i));
    std::copy(from + i, from + bytes, to + i);
#endif
  }

 private:
#if defined(__AVX512F__)
  static constexpr bool kCanStream = true;
#else
  static constexpr bool kCanStream = false;
#endif

  T* array_;
  bool streamed_;
  Scratch buffer_;
};

}  // namespace basin::cpu
