#include "cuda/kernels/step/finish.h"

#include <cfloat>
#include <vector>

#include "cuda/kernels/step/step_counters.cuh"
#include "cuda/kernels/step/tensor_list.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWidth = 16;         // bytes of a thread
constexpr std::int64_t kPart = kThreads * kWidth;  // of a block
constexpr int kTensors = list_capacity(2);

struct CopyItem {
  Global<const std::uint8_t> from;
  Global<std::uint8_t> to;
  std::int64_t size;  // bytes
  bool vectors;       // both are aligned
};

// to = from, unless the step is skipped
//
// Each item: bytes (size), any size.
// Map:   a block owns kPart neighbouring bytes of one tensor, a thread kWidth of them.
// Cost:  each byte read and written once.
// Order: no reduction.
__global__ void __launch_bounds__(kThreads) commit_kernel(TensorList<CopyItem, kTensors> list, StepCounters counters) {
  if (counters.skips()) return;
  const auto part = list.part();
  const CopyItem& item = list.items[part.item];
  const std::int64_t first = part.index * kPart + threadIdx.x * kWidth;
  if (item.vectors && first + kWidth <= item.size) {
    item.to.store_vector<kWidth>(first, item.from.load_vector<kWidth>(first));
    return;
  }
  for (std::int64_t i = first; i < item.size && i < first + kWidth; ++i)
    item.to[i] = static_cast<std::uint8_t>(item.from[i]);
}

// StepKernels::finish_step.
//
// Map: one thread. Cost: some 80 bytes. Order: no reduction.
__global__ void finish_kernel(std::int64_t images, StepCounters counters, Global<float> loss_scale) {
  if (counters.has_problem()) return;
  const auto add = [&](StepCounter which, std::int64_t value) { counters.set(which, counters[which] + value); };
  add(StepCounter::batches, 1);
  if (!counters.skips()) add(StepCounter::updates, 1);
  add(StepCounter::begin, images);
  const float steps = loss_scale[1];
  if (steps != kScaleGrows) return;
  const float scale = loss_scale[0];
  if (2 * scale <= FLT_MAX) loss_scale[0] = 2 * scale;
  loss_scale[1] = 0;
}

}  // namespace

void commit(Stream stream, std::span<const Assignment> assignments, const StepState& state) {
  check_assignments(assignments);
  std::vector<CopyItem> items;
  for (const auto& [from, to] : assignments) {
    const std::int64_t bytes = to.size() * static_cast<std::int64_t>(size_of(to.dtype));
    items.push_back({.from = Global<const std::uint8_t>(from.as<std::uint8_t>(), bytes),
                     .to = Global<std::uint8_t>(to.as<std::uint8_t>(), bytes),
                     .size = bytes,
                     .vectors = aligned_to_vectors(from.data) && aligned_to_vectors(to.data)});
  }
  for_each_list<kTensors>(items, kPart, [&](const auto& list, unsigned blocks) {
    launch(stream, {blocks, kThreads}, commit_kernel, list, StepCounters(state));
  });
}

void finish_step(Stream stream, std::int64_t images, const StepState& state) {
  launch(stream, {1, 1}, finish_kernel, images, StepCounters(state), loss_scale_of(state));
}

}  // namespace basin::cuda
