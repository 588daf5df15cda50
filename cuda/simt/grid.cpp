#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/parallel.h"
#include "cuda/simt/block.h"
#include "cuda/simt/start_kernel.h"

namespace basin::simt {
namespace {

constexpr std::size_t kMaxSharedBytes = 227 << 10;  // compute capability 9.0

struct Totals {
  std::mutex mutex;
  Counters counters;
};

Totals& totals() {
  static Totals instance;
  return instance;
}

// Blocks are large and dear to make: each is used again by the next launch.
class BlockPool {
 public:
  std::unique_ptr<Block> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return std::make_unique<Block>();
    std::unique_ptr<Block> block = std::move(idle_.back());
    idle_.pop_back();
    return block;
  }
  void give_back(std::unique_ptr<Block> block) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(block));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> idle_;
};

BlockPool& pool() {
  static BlockPool instance;
  return instance;
}

// Returns the block to the pool and its counts to the totals, also when the kernel failed.
class PooledBlock {
 public:
  PooledBlock() : block_(pool().take()) {}
  ~PooledBlock() {
    {
      const std::lock_guard lock(totals().mutex);
      totals().counters += block_->counters;
    }
    block_->counters = {};
    pool().give_back(std::move(block_));
  }
  PooledBlock(const PooledBlock&) = delete;
  PooledBlock& operator=(const PooledBlock&) = delete;
  Block* operator->() const { return block_.get(); }

 private:
  std::unique_ptr<Block> block_;
};

}  // namespace

void check_launch(dim3 grid, dim3 block, std::size_t shared_bytes, const Site& site) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  check(threads >= 1 && threads <= kMaxThreads && block.z <= 64, where(site), ": launch of ", threads,
        " threads a block; 1 to ", kMaxThreads, " are possible");
  check(grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 0x7fffffff && grid.y <= 65535 && grid.z <= 65535,
        where(site), ": launch of a grid (", grid.x, ", ", grid.y, ", ", grid.z, ")");
  check(std::uint64_t{grid.x} * grid.y * grid.z <= 0xffffffff, where(site), ": more blocks than the emulator counts");
  check(shared_bytes <= kMaxSharedBytes, where(site), ": launch with ", shared_bytes, " bytes of shared memory; ",
        kMaxSharedBytes, " are possible");
}

Counters& Counters::operator+=(const Counters& other) {
  launches += other.launches;
  barriers += other.barriers;
  warp_operations += other.warp_operations;
  atomics += other.atomics;
  mma += other.mma;
  mma_tf32 += other.mma_tf32;
  matrices_loaded += other.matrices_loaded;
  copied_bytes += other.copied_bytes;
  global_read_bytes += other.global_read_bytes;
  global_written_bytes += other.global_written_bytes;
  shared_read_bytes += other.shared_read_bytes;
  shared_written_bytes += other.shared_written_bytes;
  global_sectors += other.global_sectors;
  global_ideal_sectors += other.global_ideal_sectors;
  shared_wavefronts += other.shared_wavefronts;
  shared_ideal_wavefronts += other.shared_ideal_wavefronts;
  return *this;
}

Counters counters() {
  const std::lock_guard lock(totals().mutex);
  return totals().counters;
}

void reset_counters() {
  const std::lock_guard lock(totals().mutex);
  totals().counters = {};
}

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, const std::source_location& site,
              const std::function<void()>& body) {
  count_launch(site);
  static std::atomic<std::uint32_t> launches = 0;
  const Launch launch{grid, block, shared_bytes, site, body, ++launches};
  {
    const std::lock_guard lock(totals().mutex);
    ++totals().counters.launches;
  }
  parallel_for(std::int64_t{grid.x} * grid.y * grid.z, [&](std::int64_t index) {
    const PooledBlock running;
    running->run(launch, static_cast<std::uint32_t>(index));
  });
}

}  // namespace basin::simt
