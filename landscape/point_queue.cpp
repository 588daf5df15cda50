#include "landscape/point_queue.h"

namespace basin {

PointQueue::PointQueue(std::size_t points) {
  for (std::size_t i = 0; i < points; ++i) queued_.push_back({i, 0});
}

bool PointQueue::next_attempt(bool busy, int& attempt) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return busy || closed_ || !queued_.empty() || under_way_ == 0; });
  if (closed_ || queued_.empty()) return false;
  attempt = queued_.front().attempt;
  return true;
}

std::vector<PointQueue::Task> PointQueue::take(int attempt, std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<Task> tasks;
  for (auto task = queued_.begin(); !closed_ && task != queued_.end() && tasks.size() < most;) {
    if (task->attempt == attempt) {
      tasks.push_back(*task);
      task = queued_.erase(task);
    } else {
      ++task;
    }
  }
  under_way_ += tasks.size();
  return tasks;
}

void PointQueue::done(std::size_t count) {
  const std::lock_guard lock(mutex_);
  under_way_ -= count;
  changed_.notify_all();
}

void PointQueue::give_back(const std::vector<Task>& tasks) {
  const std::lock_guard lock(mutex_);
  under_way_ -= tasks.size();
  queued_.insert(queued_.end(), tasks.begin(), tasks.end());
  changed_.notify_all();
}

void PointQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace basin
