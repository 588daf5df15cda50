// Counter-based random numbers: each value is a function of (seed, stream, index), so any part of a sequence can be
// drawn by any thread or device, in any order, with the same result.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace basin {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// A stream number made from a name and an index (FNV-1a, then the finalizer of SplitMix64), such as
// ("direction conv1.weight", 0): different names give unrelated streams under one seed.
std::uint64_t random_stream(std::string_view name, std::uint64_t index = 0);

// The random numbers of one (seed, stream): all functions are pure.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  // 64 uniform bits.
  std::uint64_t bits(std::uint64_t index) const;
  // Uniform on [0, 1) with 53 bits.
  double uniform(std::uint64_t index) const;
  // Uniform on {0, ..., count - 1}; 1 <= count < 2^32. Biased by less than 2^-32.
  std::uint64_t below(std::uint64_t count, std::uint64_t index) const;
  // Standard normal (Box-Muller in double precision; indices 2i and 2i+1 share one Philox block).
  double normal(std::uint64_t index) const;
  // Indices [2 * pair, 2 * pair + 1] of normal() at the price of one.
  std::array<double, 2> normal_pair(std::uint64_t pair) const;

 private:
  std::array<std::uint32_t, 4> block(std::uint64_t index) const;

  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace basin
