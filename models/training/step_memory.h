// What training steps count, in the memory of the back end, and its copy on the host.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "core/step_kernels.h"

namespace basin {

// The values of a StepState.
struct StepStatus {
  std::array<std::int64_t, kStepCounters> counters{};
  std::array<double, 3> sums{};           // of the epoch so far: losses, wrongly classified, images
  std::array<float, 2> loss_scale{1, 0};  // and steps since it changed

  std::int64_t operator[](StepCounter which) const { return counters[static_cast<std::size_t>(which)]; }
  std::int64_t& operator[](StepCounter which) { return counters[static_cast<std::size_t>(which)]; }
  double loss() const { return sums[0] / sums[2]; }         // mean
  double error() const { return 100 * sums[1] / sums[2]; }  // %
};

class StepMemory {
 public:
  // A learning rate for each batch of the run.
  StepMemory(const std::vector<double>& learning_rates, Backend& backend);

  StepState state() const;
  void write(const StepStatus& status);
  std::unique_ptr<PendingCopy> start_read() const;  // a StepStatus; does not wait
  StepStatus read() const;                          // waits

 private:
  Buffer status_;  // one StepStatus, so that one copy is a report
  Tensor learning_rates_;
};

StepStatus status_of(PendingCopy& copy);  // of StepMemory::start_read(); waits until it is there

}  // namespace basin
