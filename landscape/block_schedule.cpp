#include "landscape/block_schedule.h"

namespace basin {

BlockSchedule::Claim BlockSchedule::next(const Job* current) {
  const std::lock_guard lock(mutex_);
  Job* job = nullptr;
  for (Job& candidate : jobs_)  // `current` may be gone: it is compared, never read
    if (&candidate == current && candidate.next_block < blocks_) job = &candidate;
  if (job == nullptr) job = start_point();
  if (job == nullptr) job = job_to_help();
  if (job == nullptr) return {};
  return {job, job->next_block++};
}

BlockSchedule::Job* BlockSchedule::start_point() {
  if (next_point_ == points_) return nullptr;
  if ((*stop_)()) {
    next_point_ = points_;
    return nullptr;
  }
  Job& job = jobs_.emplace_back();
  job.point = next_point_++;
  job.blocks_left = blocks_;
  job.images.resize(static_cast<std::size_t>(images_));
  return &job;
}

BlockSchedule::Job* BlockSchedule::job_to_help() {
  Job* most = nullptr;
  for (Job& job : jobs_)
    if (job.next_block < blocks_ && (most == nullptr || job.next_block < most->next_block)) most = &job;
  return most;
}

void BlockSchedule::complete(Job* job, const std::function<void(std::size_t, std::span<const ImageLoss>)>& finished) {
  {
    const std::lock_guard lock(mutex_);
    if (--job->blocks_left > 0) return;
  }
  {
    const std::lock_guard lock(finishing_);
    finished(job->point, job->images);
  }
  const std::lock_guard lock(mutex_);
  jobs_.remove_if([job](const Job& candidate) { return &candidate == job; });
}

void BlockSchedule::abandon() {
  const std::lock_guard lock(mutex_);
  next_point_ = points_;
  for (Job& job : jobs_) job.next_block = blocks_;
}

}  // namespace basin
