#include "cuda/kernels/step/sums.h"

#include "cuda/kernels/row_sums.cuh"
#include "cuda/kernels/step/step_counters.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

// wrong[n] = is logits[n, labels[n]] not the largest of the row, the first of them if several?
//
// logits (rows, classes), labels (rows), wrong (rows). NaN makes it wrong, and so does a label that is no class.
// Map:   a warp owns a row; lanes stride over the classes.
// Cost:  reads each logit, the label's twice, writes 4 bytes a row.
// Order: no reduction but "any".
__global__ void __launch_bounds__(kThreads) wrong_kernel(Global<const float> logits, Global<const std::int32_t> labels,
                                                         std::int64_t rows, int classes, Global<int> wrong) {
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (row >= rows) return;
  const int label = labels[row], lane = threadIdx.x % 32;
  bool beaten = label < 0 || label >= classes;
  if (!beaten) {
    const float own = logits[row * classes + label];
    for (int c = lane; c < classes; c += 32) {
      const float other = logits[row * classes + c];
      beaten |= !(c < label ? other < own : other <= own);
    }
  }
  const bool any = __ballot_sync(0xffffffffu, beaten) != 0;
  if (lane == 0) wrong[row] = any;
}

struct SumsShared {
  SharedArray<double, kWarps> losses;
  SharedArray<int, kWarps> wrong;
};

struct AddIntegers {
  __device__ int operator()(int a, int b) const { return a + b; }
};

// sums[0] += sum of losses, sums[1] += sum of wrong, sums[2] += rows, unless the step is skipped
//
// losses f32 (rows), wrong (rows), sums f64 (3).
// Map:   one block; a thread every kThreads-th row.
// Cost:  reads 8 bytes a row.
// Order: fixed by the rows: a thread's ascending, then trees over lanes and warps, in double.
__global__ void __launch_bounds__(kThreads) sums_kernel(Global<const float> losses, Global<const int> wrong,
                                                        std::int64_t rows, StepCounters counters, Global<double> sums) {
  SumsShared& shared = shared_memory<SumsShared>();
  double loss = 0;
  int errors = 0;
  for (std::int64_t row = threadIdx.x; row < rows; row += kThreads) {
    loss += static_cast<double>(losses[row]);
    errors += wrong[row];
  }
  loss = warp_reduce(loss, AddDoubles{});
  errors = warp_reduce(errors, AddIntegers{});
  if (threadIdx.x % 32 == 0) {
    shared.losses[threadIdx.x / 32] = loss;
    shared.wrong[threadIdx.x / 32] = errors;
  }
  __syncthreads();
  if (threadIdx.x != 0 || counters.skips()) return;
  for (int warp = 1; warp < kWarps; ++warp) {
    loss += shared.losses[warp];
    errors += shared.wrong[warp];
  }
  sums[0] += loss;
  sums[1] += static_cast<double>(errors);
  sums[2] += static_cast<double>(rows);
}

}  // namespace

void add_to_sums(Stream stream, const ConstView& losses, const ConstView& logits, const ConstView& labels,
                 const StepState& state) {
  check_predictions(losses, logits, labels);
  check(state.sums.size() == 3, "cuda: the sums of an epoch are ", state.sums.shape, ", expected (3)");
  const std::int64_t rows = losses.size(), classes = logits.shape[1];
  check(classes <= INT32_MAX, "add_to_sums: ", classes, " classes are too many");
  const DeviceBuffer buffer(stream, static_cast<std::size_t>(rows) * sizeof(int));
  launch(stream, {blocks_for(rows, kWarps), kThreads}, wrong_kernel, global<float>(logits),
         global<std::int32_t>(labels), rows, static_cast<int>(classes), Global<int>(buffer.as<int>(), rows));
  launch(stream, {1, kThreads, sizeof(SumsShared)}, sums_kernel, global<float>(losses),
         Global<const int>(buffer.as<int>(), rows), rows, StepCounters(state), global<double>(state.sums));
}

}  // namespace basin::cuda
