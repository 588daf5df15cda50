// Reports of how steps go, about twice a second, though nobody waits for a step: copies of the status that are under
// way while the next steps run.
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <memory>

#include "models/training/step_memory.h"

namespace basin {

class StepReports {
 public:
  // start_copy() asks for the status after the steps so far, report() is given it. With `every_step`, for back ends
  // that have done a step when it was asked for, each is reported. Otherwise the host runs at most two reports ahead of
  // the device.
  StepReports(std::function<std::unique_ptr<PendingCopy>()> start_copy, bool every_step,
              std::function<void(const StepStatus&)> report);

  // After each step.
  void step_done();

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    std::unique_ptr<PendingCopy> status;
    std::int64_t steps;  // since the report before
  };
  void take_oldest();

  std::function<std::unique_ptr<PendingCopy>()> start_copy_;
  const bool every_step_;
  std::function<void(const StepStatus&)> report_;
  std::deque<Pending> pending_;
  std::int64_t steps_ = 0;     // since the last one asked for
  std::int64_t interval_ = 1;  // steps between reports
  Clock::time_point last_ = Clock::now();
};

}  // namespace basin
