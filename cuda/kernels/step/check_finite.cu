#include "cuda/kernels/step/check_finite.h"

#include <climits>
#include <vector>

#include "cuda/kernels/step/step_counters.cuh"
#include "cuda/kernels/step/tensor_list.cuh"
#include "cuda/kernels/warp_reduce.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWidth = 8;              // words of a thread at a time: 16 bytes
constexpr std::int64_t kPart = 8 * kThreads * kWidth;  // words of a block
constexpr int kTensors = list_capacity(1);
constexpr int kAllFinite = INT_MAX;  // otherwise a value of StepCounter::problem, of which the least counts

// A tensor as the 16-bit words that hold the exponents of its elements: all of its words, or the upper half of each
// f32.
struct FiniteItem {
  Global<const std::uint16_t> words;
  std::int64_t size;
  int problem;             // what it is if not all are finite
  std::uint16_t exponent;  // its bits, all set in what is infinite or NaN
  bool upper_halves;
  bool vectors;  // aligned
};

struct Minimum {
  __device__ int operator()(int a, int b) const { return a < b ? a : b; }
};

struct MinimumShared {
  SharedArray<int, kThreads / 32> of_warp;
};

// The least value of the block's threads, in thread 0.
__device__ int block_minimum(int value, MinimumShared& shared) {
  value = warp_reduce(value, Minimum{});
  if (threadIdx.x % 32 == 0) shared.of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int warp = 1; warp < kThreads / 32; ++warp) value = Minimum{}(value, shared.of_warp[warp]);
  return value;
}

__device__ bool is_bad(const FiniteItem& item, std::int64_t i, std::uint16_t word) {
  return (word & item.exponent) == item.exponent && (!item.upper_halves || i % 2 != 0);
}

// found[first_found + block] = the item's problem where a word of the block's part says infinite or NaN, else
// kAllFinite
//
// Each item: words (size), any size.
// Map:   a block owns kPart neighbouring words of one tensor; a thread reads kWidth of them at a time.
// Cost:  reads each element once, writes 4 bytes a block.
// Order: a minimum, the same in any order.
__global__ void __launch_bounds__(kThreads)
    find_kernel(TensorList<FiniteItem, kTensors> list, std::int64_t first_found, Global<int> found) {
  const auto part = list.part();
  const FiniteItem& item = list.items[part.item];
  const std::int64_t begin = part.index * kPart, end = begin + kPart < item.size ? begin + kPart : item.size;
  bool bad = false;
  for (std::int64_t first = begin + threadIdx.x * kWidth; first < end; first += kThreads * kWidth) {
    if (item.vectors && first + kWidth <= end) {
      const Vector<std::uint16_t, kWidth> words = item.words.load_vector<kWidth>(first);
      for (int k = 0; k < kWidth; ++k) bad |= is_bad(item, k, words[k]);
    } else {
      for (std::int64_t i = first; i < end && i < first + kWidth; ++i) bad |= is_bad(item, i, item.words[i]);
    }
  }
  const int least = block_minimum(bad ? item.problem : kAllFinite, shared_memory<MinimumShared>());
  if (threadIdx.x == 0) found[first_found + blockIdx.x] = least;
}

// Sets skip, problem and the loss scale by the least of found (Micikevicius et al. 2018, section 3.2).
//
// found (count), any count.
// Map:   one block; thread 0 decides.
// Cost:  reads 4 bytes a part.
// Order: a minimum, the same in any order.
__global__ void __launch_bounds__(kThreads)
    decide_kernel(Global<const int> found, std::int64_t count, LossScaling scaling, StepCounters counters,
                  Global<float> loss_scale) {
  int least = kAllFinite;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) least = Minimum{}(least, found[i]);
  least = block_minimum(least, shared_memory<MinimumShared>());
  if (threadIdx.x != 0 || counters.has_problem()) return;
  const float scale = loss_scale[0], smallest = static_cast<float>(scaling.smallest);
  counters.set(StepCounter::skip, least == kAllFinite ? 0 : 1);
  if (least == kAllFinite) {
    if (!scaling.enabled) return;
    const float steps = loss_scale[1] + 1;
    loss_scale[1] = steps >= static_cast<float>(scaling.growth_steps) ? kScaleGrows : steps;
  } else if (scaling.enabled && scale > smallest) {
    loss_scale[0] = scale / 2 > smallest ? scale / 2 : smallest;
    loss_scale[1] = 0;
  } else {
    counters.set(StepCounter::problem, least);
  }
}

FiniteItem item_of(const ConstView& x, int problem) {
  check(x.dtype == DType::f32 || x.dtype == DType::f16 || x.dtype == DType::bf16,
        "check_finite: f32, f16 or bf16 expected, found ", x.dtype);
  const std::int64_t words = x.size() * static_cast<std::int64_t>(size_of(x.dtype) / sizeof(std::uint16_t));
  return {.words = Global<const std::uint16_t>(x.as<std::uint16_t>(), words),
          .size = words,
          .problem = problem,
          .exponent = static_cast<std::uint16_t>(x.dtype == DType::f16 ? 0x7c00 : 0x7f80),
          .upper_halves = x.dtype == DType::f32,
          .vectors = aligned_to_vectors(x.data)};
}

}  // namespace

void check_finite(Stream stream, const ConstView& losses, std::span<const ParameterUpdate> updates,
                  const LossScaling& scaling, const StepState& state) {
  std::vector<FiniteItem> items{item_of(losses, 1)};
  for (std::size_t i = 0; i < updates.size(); ++i)
    items.push_back(item_of(updates[i].gradient, static_cast<int>(2 + i)));
  std::int64_t parts = 0;
  for (const FiniteItem& item : items) parts += (item.size + kPart - 1) / kPart;

  const DeviceBuffer buffer(stream, static_cast<std::size_t>(parts) * sizeof(int));
  const Global<int> found(buffer.as<int>(), parts);
  std::int64_t first_found = 0;
  for_each_list<kTensors>(items, kPart, [&](const auto& list, unsigned blocks) {
    launch(stream, {blocks, kThreads, sizeof(MinimumShared)}, find_kernel, list, first_found, found);
    first_found += blocks;
  });
  launch(stream, {1, kThreads, sizeof(MinimumShared)}, decide_kernel, Global<const int>(buffer.as<int>(), parts), parts,
         scaling, StepCounters(state), loss_scale_of(state));
}

}  // namespace basin::cuda
