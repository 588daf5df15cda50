// One block of a launch while it runs: its threads as fibers, their scheduler, what they wait for, shared memory.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "core/error.h"
#include "cuda/simt/clocks.h"
#include "cuda/simt/fiber.h"
#include "cuda/simt/shadow.h"
#include "cuda/simt/simt.h"
#include "cuda/simt/traffic.h"

namespace basin::simt {

using Site = std::source_location;
std::string where(const Site& site);  // "reduce.cu:12"
bool same(const Site& a, const Site& b);

struct Launch {
  dim3 grid, block;
  std::size_t shared_bytes;
  Site site;
  const std::function<void()>& body;
  std::uint32_t number;  // in the process, from 1
};

enum class WarpOperation : std::uint8_t { sync, shuffle, ballot, together };

class Block {
 public:
  Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Runs block `index` of the grid to its end, or throws what the first of its threads to fail reported.
  void run(const Launch& launch, std::uint32_t index);
  // The block whose thread is running; throws outside of a kernel.
  static Block& current();

  // ---- called by the running thread
  // bar.sync: waits until `threads` threads, whole warps, have come to barrier `id`. (barrier.cpp)
  void barrier(unsigned id, unsigned threads, const Site& site);
  // Waits for the lanes of `mask`; a shuffle gives the value of lane `source`, a ballot one bit per non-zero value.
  // (warp.cpp)
  std::uint64_t warp_operation(WarpOperation operation, std::uint32_t mask, std::uint64_t value, unsigned source,
                               const Site& site);
  // Waits for all lanes of the warp; the last to come calls combine(what each lane brings), of 32.
  using Combine = void (*)(void* const* lanes);
  void together(Combine combine, void* lane, const Site& site);
  // cp.async: 16 bytes for `data` in shared memory. They count as unwritten until this thread has waited for them,
  // and nothing may write them; that the copy may land at once is checked as a write now. (copies.cpp)
  void start_copy(void* data, const void* bytes, const Site& site);
  void commit_copies();
  void wait_for_copies(unsigned pending, const Site& site);
  // Checks an access of `bytes` at `offset` of `shadow`, whose first byte is at `data`. (access.cpp)
  void access(Space space, Access kind, Shadow& shadow, const void* data, std::size_t offset, std::size_t bytes,
              const Site& site);
  char* shared_memory(std::size_t bytes);  // checks that the launch has so much
  Shadow& shared_shadow() { return shared_shadow_; }
  std::size_t shared_offset(const void* data) const;
  unsigned thread() const { return running_; }

  // Ends the launch with an Error that says where.
  template <class... Parts>
  [[noreturn]] void fault(const Site& site, const Parts&... parts) const {
    fail(place(site), parts...);
  }

  Counters counters;

 private:
  enum class Wait : std::uint8_t { none, barrier, warp, exited };
  struct Copy {
    void* data;
    std::array<char, 16> bytes;
    unsigned group;
  };
  struct Thread {
    Fiber fiber;
    uint3 index{};
    Wait wait = Wait::none;
    std::uint8_t barrier = 0;
    bool begun = false;
    Site site;                 // of the wait
    std::uint64_t result = 0;  // of the last warp operation
    std::vector<Copy> copies;  // under way, oldest first
    unsigned group = 0;        // of copies, not closed yet
  };
  struct Collective {  // of some lanes of a warp, not all of which have arrived
    WarpOperation operation;
    Combine combine;
    std::uint32_t mask, arrived;
    Site site;
    std::array<std::uint64_t, kWarpSize> value;
    std::array<std::uint8_t, kWarpSize> source;
  };
  struct Warp {
    std::uint32_t ready = 0, alive = 0;  // a bit per lane
    std::vector<Collective> pending;
    WarpTraffic traffic;
  };
  struct Barrier {
    unsigned expected = 0, arrived = 0;
    std::array<std::uint32_t, kMaxWarps> lanes{};  // that have arrived, per warp
    Site site;
  };

  // block.cpp
  static void thread_entry();
  void reset(const Launch& launch, std::uint32_t index);
  void schedule();
  bool choose();
  void resume(unsigned thread);
  void suspend(Wait wait, const Site& site);
  void wake(unsigned thread);
  void abandon();
  std::string place(const Site& site) const;
  [[noreturn]] void report_deadlock() const;
  std::string describe_warp(unsigned warp) const;
  std::uint32_t random();
  std::uint32_t live_lanes(unsigned warp) const;  // lanes that the block has, exited ones included

  // barrier.cpp
  void complete(Barrier& barrier);
  // warp.cpp
  std::uint64_t meet(WarpOperation operation, Combine combine, std::uint32_t mask, std::uint64_t value, unsigned source,
                     const Site& site);
  Collective& join(Warp& warp, WarpOperation operation, Combine combine, std::uint32_t mask, const Site& site);
  void complete(unsigned warp, const Collective& collective, const Site& site);

  Stacks stacks_;
  Fiber scheduler_;
  std::array<Thread, kMaxThreads> threads_;
  std::array<Warp, kMaxWarps> warps_;
  std::array<Barrier, 16> barriers_;
  Clocks clocks_;
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, Free> shared_;
  Shadow shared_shadow_{Shadow::Sharing::one_thread};

  const Launch* launch_ = nullptr;
  std::uint32_t index_ = 0;  // of the block in the grid
  unsigned thread_count_ = 0, warp_count_ = 0, exited_ = 0;
  unsigned running_ = 0;  // the thread that runs
  unsigned warp_ = 0;     // the warp whose turn it is
  bool change_warp_ = true;
  bool abandoned_ = false;
  std::exception_ptr error_;
  std::uint64_t random_state_ = 1;
};

}  // namespace basin::simt
