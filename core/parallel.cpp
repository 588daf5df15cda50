#include "core/parallel.h"

#include <sched.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace basin {
namespace {

// How often a waiting thread looks again before it sleeps: some tens of microseconds, the gap between two kernels.
constexpr int kSpins = 1500;

thread_local int serial_depth = 0;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Returns once `value` differs from `old`.
template <class T>
void wait_for_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  value.wait(old, std::memory_order_acquire);
}

// One parallel_for. Shared with the workers by pointer: a worker that wakes late finds no item left and never touches
// `body`, so the caller waits for items, not for workers.
struct Job {
  Job(std::int64_t items, const std::function<void(std::int64_t)>& function) : count(items), body(function) {}

  const std::int64_t count;
  const std::function<void(std::int64_t)>& body;
  std::atomic<std::int64_t> next = 0, done = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr error;  // written by the one who sets `failed`

  void work() {
    ++serial_depth;
    for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      try {
        if (!failed.load(std::memory_order_relaxed)) body(i);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
      if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == count) done.notify_all();
    }
    --serial_depth;
  }

  void wait() const {
    for (std::int64_t seen; (seen = done.load(std::memory_order_acquire)) != count;) wait_for_change(done, seen);
  }
};

class Pool {
 public:
  Pool() { start(available_processors()); }

  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void resize(int threads) {
    check(serial_depth == 0, "threads: their number cannot change inside a parallel region");
    const std::lock_guard lock(submission_);
    if (threads == this->threads()) return;
    stop();
    start(threads);
  }

  void run(std::int64_t count, const std::function<void(std::int64_t)>& body) {
    std::unique_lock lock(submission_, std::defer_lock);
    const bool alone = serial_depth > 0 || count == 1 || threads() == 1;
    if (alone || !lock.try_lock()) {
      for (std::int64_t i = 0; i < count; ++i) body(i);
      return;
    }
    const auto job = std::make_shared<Job>(count, body);
    publish(job);
    job->work();
    job->wait();
    if (job->failed) std::rethrow_exception(job->error);
  }

 private:
  static int available_processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }

  void start(int threads) {
    threads_ = threads;
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, seen = epoch_.load()] { serve(seen); });
  }

  // A null job tells the workers to end.
  void stop() {
    publish(nullptr);
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  void publish(std::shared_ptr<Job> job) {
    {
      const std::lock_guard lock(job_mutex_);
      job_ = std::move(job);
      epoch_.fetch_add(1, std::memory_order_release);
    }
    epoch_.notify_all();
  }

  void serve(std::uint64_t seen) {
    for (;;) {
      wait_for_change(epoch_, seen);
      std::shared_ptr<Job> job;
      {
        const std::lock_guard lock(job_mutex_);
        job = job_;
        seen = epoch_.load(std::memory_order_relaxed);
      }
      if (!job) return;
      job->work();
    }
  }

  std::mutex submission_;  // held by the thread whose job the pool is on
  std::mutex job_mutex_;
  std::shared_ptr<Job> job_;
  std::atomic<std::uint64_t> epoch_ = 0;  // number of jobs published
  std::atomic<int> threads_ = 1;
  std::vector<std::thread> workers_;
};

// Never destroyed: workers may outlive the statics of other files.
Pool& pool() {
  static Pool& instance = *new Pool;
  return instance;
}

}  // namespace

int thread_count() { return pool().threads(); }

void set_thread_count(int count) {
  constexpr int kMost = 4096;
  check(count >= 1 && count <= kMost, "threads: at least 1 expected and at most ", kMost, ", found ", count);
  pool().resize(count);
}

void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& body) {
  if (count > 0) pool().run(count, body);
}

SerialScope::SerialScope() { ++serial_depth; }
SerialScope::~SerialScope() { --serial_depth; }

}  // namespace basin
