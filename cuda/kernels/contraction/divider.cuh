// Division by a number that is known before a kernel starts.
#pragma once
#include <bit>
#include <cstdint>

#include "cuda/platform.cuh"

namespace basin::cuda {

// n / divisor for 0 <= n < 2^31, without a division (Granlund, Montgomery 1994, "Division by invariant integers using
// multiplication", figure 4.1 with N = 32). 1 <= divisor < 2^31.
class Divider {
 public:
  explicit Divider(std::int64_t divisor)
      : divisor_(static_cast<std::uint32_t>(divisor)),
        shift_(static_cast<std::uint32_t>(std::bit_width(divisor_ - 1))),
        multiplier_(static_cast<std::uint32_t>(
            ((std::uint64_t{1} << 32) * ((std::uint64_t{1} << shift_) - divisor_)) / divisor_ + 1)) {}

  __device__ int quotient(int n) const {
    const auto high = static_cast<std::uint32_t>(std::uint64_t{multiplier_} * static_cast<std::uint32_t>(n) >> 32);
    return static_cast<int>((high + static_cast<std::uint32_t>(n)) >> shift_);
  }
  // Puts n / divisor in `quotient`, returns n % divisor.
  __device__ int divide(int n, int& quotient) const {
    quotient = this->quotient(n);
    return n - quotient * static_cast<int>(divisor_);
  }

 private:
  std::uint32_t divisor_, shift_, multiplier_;
};

}  // namespace basin::cuda
