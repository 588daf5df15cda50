// Counter-based random numbers in kernels: what core/random.h computes on the host, word for word. The integers and
// uniform numbers are the same on every device. Normal numbers go through the device's log, sin and cos in double
// precision: the emulator's are the host's; a GPU's may differ in the last bit of the double, which rarely changes the
// float that it is rounded to.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>

#include "cuda/platform.cuh"

namespace basin::cuda {

struct PhiloxWords {
  std::uint32_t word[4];
};

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3).
__device__ inline PhiloxWords philox4x32(PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{kMultiplier0} * counter.word[0];
    const std::uint64_t product1 = std::uint64_t{kMultiplier1} * counter.word[2];
    counter = {
        static_cast<std::uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<std::uint32_t>(product1),
        static_cast<std::uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

struct NormalPair {
  double first, second;
};

// The random numbers of one (seed, stream), as Random of core/random.h: all functions are pure. May be a kernel's
// argument.
class DeviceRandom {
 public:
  __host__ __device__ DeviceRandom(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  // 64 uniform bits.
  __device__ std::uint64_t bits(std::uint64_t index) const {
    const PhiloxWords words = block(index);
    return join(words.word[0], words.word[1]);
  }
  // Uniform on [0, 1) with 53 bits.
  __device__ double uniform(std::uint64_t index) const { return to_unit(bits(index)); }
  // Uniform on {0, ..., count - 1}; 1 <= count < 2^32, which is not checked.
  __device__ std::uint64_t below(std::uint64_t count, std::uint64_t index) const {
    const std::uint64_t word = bits(index);
    const std::uint64_t low = (word & 0xFFFFFFFF) * count, high = (word >> 32) * count;
    return (high + (low >> 32)) >> 32;
  }
  // Indices 2 * pair and 2 * pair + 1 of the standard normal sequence (Box-Muller).
  __device__ NormalPair normal_pair(std::uint64_t pair) const {
    const Polar point = polar(pair);
    return {point.radius * std::cos(point.angle), point.radius * std::sin(point.angle)};
  }
  // One of them.
  __device__ double normal(std::uint64_t index) const {
    const Polar point = polar(index / 2);
    return point.radius * (index % 2 == 0 ? std::cos(point.angle) : std::sin(point.angle));
  }

 private:
  struct Polar {
    double radius, angle;
  };
  __device__ Polar polar(std::uint64_t pair) const {
    const PhiloxWords words = block(pair);
    return {std::sqrt(-2 * std::log(1 - to_unit(join(words.word[0], words.word[1])))),
            2 * std::numbers::pi * to_unit(join(words.word[2], words.word[3]))};
  }
  __device__ PhiloxWords block(std::uint64_t index) const {
    return philox4x32({{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                        static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)}},
                      static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
  }
  static __device__ std::uint64_t join(std::uint32_t low, std::uint32_t high) {
    return low | std::uint64_t{high} << 32;
  }
  static __device__ double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

  std::uint64_t seed_, stream_;
};

}  // namespace basin::cuda
