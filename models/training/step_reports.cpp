#include "models/training/step_reports.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace basin {
namespace {

constexpr double kSecondsBetween = 0.5;
constexpr std::size_t kUnderWay = 2;        // copies that the host does not wait for
constexpr std::int64_t kFastestGrowth = 4;  // of the interval: the first steps' times say little

}  // namespace

StepReports::StepReports(std::function<std::unique_ptr<PendingCopy>()> start_copy, bool every_step,
                         std::function<void(const StepStatus&)> report)
    : start_copy_(std::move(start_copy)), every_step_(every_step), report_(std::move(report)) {}

void StepReports::step_done() {
  if (++steps_ < interval_) return;
  pending_.push_back({start_copy_(), std::exchange(steps_, 0)});
  while (!pending_.empty() && (pending_.size() > kUnderWay || pending_.front().status->ready())) take_oldest();
}

// Reports come as fast as the device computes, whatever the host is ahead of it: their times are the device's.
void StepReports::take_oldest() {
  const StepStatus status = status_of(*pending_.front().status);
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  if (!every_step_ && seconds > 0) {
    const double fitting = kSecondsBetween / seconds * static_cast<double>(pending_.front().steps);
    const double most = static_cast<double>(kFastestGrowth * interval_);
    interval_ = std::max<std::int64_t>(1, std::llround(std::min(fitting, most)));
  }
  pending_.pop_front();
  report_(status);
}

}  // namespace basin
