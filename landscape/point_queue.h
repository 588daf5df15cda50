// The points of a surface on their way through several devices, each point through as many attempts as it needs.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <vector>

namespace basin {

// Of one call of evaluate(). Thread-safe.
class PointQueue {
 public:
  struct Task {
    std::size_t point = 0;
    int attempt = 0;
  };

  explicit PointQueue(std::size_t points);

  // What take() finds first: attempt of the next tasks, for a worker that then knows how many it can take. Waits while
  // nothing is queued but others may still give tasks back; not if the caller is `busy` with tasks of its own. False:
  // there is nothing (for now, if busy).
  bool next_attempt(bool busy, int& attempt);
  // Up to `most` tasks of that attempt, in their order; they are under way until returned by done() or give_back().
  std::vector<Task> take(int attempt, std::size_t most);
  void done(std::size_t count);                    // so many tasks are finished
  void give_back(const std::vector<Task>& tasks);  // to be done by someone: again, or by the next attempt
  void close();                                    // nothing more is given out; what is under way may be finished

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> queued_;
  std::size_t under_way_ = 0;
  bool closed_ = false;
};

}  // namespace basin
