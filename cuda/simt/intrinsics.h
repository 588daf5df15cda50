// CUDA's functions for the threads of a block and of a warp, emulated.
#pragma once
#include <cstring>
#include <type_traits>

#include "cuda/simt/block.h"

inline void __syncthreads(const basin::simt::Site& site = basin::simt::Site::current()) {
  basin::simt::Block::current().barrier(0, blockDim.x * blockDim.y * blockDim.z, site);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, const basin::simt::Site& site = basin::simt::Site::current()) {
  basin::simt::Block::current().warp_operation(basin::simt::WarpOperation::sync, mask, 0, 0, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              const basin::simt::Site& site = basin::simt::Site::current()) {
  return static_cast<unsigned>(
      basin::simt::Block::current().warp_operation(basin::simt::WarpOperation::ballot, mask, predicate != 0, 0, site));
}

namespace basin::simt {

// The value of lane source(lane); of the calling lane itself where that is outside of its segment of `width` lanes.
template <class T>
T shuffle(unsigned mask, T value, unsigned source, const Site& site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = Block::current().warp_operation(WarpOperation::shuffle, mask, bits, source, site);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

inline unsigned lane() { return Block::current().thread() % kWarpSize; }

}  // namespace basin::simt

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const basin::simt::Site& site = basin::simt::Site::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = basin::simt::lane();
  return basin::simt::shuffle(mask, value, lane / w * w + static_cast<unsigned>(source) % w, site);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32,
                  const basin::simt::Site& site = basin::simt::Site::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = basin::simt::lane(), source = lane ^ bits;
  return basin::simt::shuffle(mask, value, source < (lane / w + 1) * w ? source : lane, site);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const basin::simt::Site& site = basin::simt::Site::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = basin::simt::lane();
  return basin::simt::shuffle(mask, value, lane % w + delta < w ? lane + delta : lane, site);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 const basin::simt::Site& site = basin::simt::Site::current()) {
  const unsigned w = static_cast<unsigned>(width), lane = basin::simt::lane();
  return basin::simt::shuffle(mask, value, lane % w >= delta ? lane - delta : lane, site);
}
