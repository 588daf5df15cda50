// What a kernel asks of the device, for benchmarks and for the tests that compare it with the emulator's counters.
#pragma once
#include <cstdint>

namespace basin::cuda {

struct Cost {
  std::int64_t bytes_read = 0, bytes_written = 0;  // of global memory, by the kernel's loads and stores
  std::int64_t flops = 0;
  std::int64_t bytes() const { return bytes_read + bytes_written; }
  friend Cost operator+(const Cost& a, const Cost& b) {
    return {a.bytes_read + b.bytes_read, a.bytes_written + b.bytes_written, a.flops + b.flops};
  }
};

}  // namespace basin::cuda
