// Hands the blocks of images of many grid points to threads: one point a thread while there are enough of them, then
// the idle threads help with the points that are left.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <span>
#include <vector>

#include "landscape/measurement.h"

namespace basin {

class BlockSchedule {
 public:
  // A point under way. `images` has one slot an image, filled by whoever runs its block.
  struct Job {
    std::size_t point = 0;
    std::int64_t next_block = 0;   // the first that nobody has taken
    std::int64_t blocks_left = 0;  // not completed yet
    std::vector<ImageLoss> images;
  };
  struct Claim {
    Job* job = nullptr;  // null: nothing left to do
    std::int64_t block = 0;
  };

  // `points` points of `images` images in `blocks` blocks. `stop` is asked, one call at a time, before a point starts.
  BlockSchedule(std::size_t points, std::int64_t images, std::int64_t blocks, const std::function<bool()>& stop)
      : points_(points), images_(images), blocks_(blocks), stop_(&stop) {}

  // The next block for a thread whose previous one was of `current` (null at first).
  Claim next(const Job* current);
  // Marks a block as done. When it was its point's last, calls finished(point, losses of all images in order), one call
  // at a time, and the job is gone.
  void complete(Job* job, const std::function<void(std::size_t, std::span<const ImageLoss>)>& finished);
  // No more claims are given.
  void abandon();

 private:
  Job* start_point();
  Job* job_to_help();

  std::size_t points_;
  std::int64_t images_, blocks_;
  const std::function<bool()>* stop_;
  std::mutex mutex_, finishing_;
  std::list<Job> jobs_;
  std::size_t next_point_ = 0;
};

}  // namespace basin
