// How operations are timed on any back end: calls are recorded once (a CUDA graph on a GPU) and run many times between
// two waits for the device, so that neither launches nor the host's part of a call count.
#pragma once
#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "core/operations.h"
#include "tools/bench/bench.h"

namespace basin {

// An operation of activations of one type.
struct TimedOperation {
  std::string name;  // "conv2d/N128_C16_H32_K16_R3_S1"
  double flops = 0;  // of a call; 0: not what bounds it
  double bytes = 0;  // that a call has to move, at least
  // Makes the operands, in this type, and gives what is timed; its results live as long as they are used.
  std::function<std::function<Tensors()>(DType, Backend&)> prepare;
};

// The types that operations are timed in: f32 on the CPU, all that kernels compute in on a GPU.
std::vector<DType> timed_types(const BenchOptions& options);

// "operation/<name>", on GPUs "operation/<name>/<type>". Reports FLOP/s and B/s, and their shares of what a large
// matrix product in this type and a large copy reach on the same device in the same run. On a GPU calls go round over
// as many sets of operands as its caches do not hold.
void register_timed_operation(const TimedOperation& operation, DType type, const BenchOptions& options);

// Normal values; what a `stream` gives is the same on every device.
Tensor bench_values(const Shape& shape, std::uint64_t stream, DType type, Backend& backend);

}  // namespace basin
