#include "models/training/step_memory.h"

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace basin {

static_assert(std::is_trivially_copyable_v<StepStatus>);

StepMemory::StepMemory(const std::vector<double>& learning_rates, Backend& backend)
    : status_(backend, sizeof(StepStatus)),
      learning_rates_(Tensor::from({static_cast<std::int64_t>(learning_rates.size())}, learning_rates, backend)) {
  write({});
}

StepState StepMemory::state() const {
  std::byte* const at = static_cast<std::byte*>(status_.data());
  return {.counters = {at + offsetof(StepStatus, counters), DType::i64, {kStepCounters}},
          .sums = {at + offsetof(StepStatus, sums), DType::f64, {3}},
          .loss_scale = {at + offsetof(StepStatus, loss_scale), DType::f32, {2}},
          .learning_rates = learning_rates_.view()};
}

void StepMemory::write(const StepStatus& status) {
  status_.backend().copy_from_host(status_.data(), &status, sizeof status);
}

std::unique_ptr<PendingCopy> StepMemory::start_read() const {
  return status_.backend().start_copy_to_host(status_.data(), sizeof(StepStatus));
}

StepStatus StepMemory::read() const { return status_of(*start_read()); }

StepStatus status_of(PendingCopy& copy) {
  StepStatus status;
  std::memcpy(&status, copy.wait(), sizeof status);
  return status;
}

}  // namespace basin
