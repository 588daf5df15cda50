#include "cuda/simt/block.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

namespace basin::simt {
namespace {

constexpr std::size_t kStackBytes = 128 << 10;
constexpr std::size_t kSharedCapacity = 227 << 10, kSharedAlignment = 1024;

// Thrown in the threads that wait when another has failed, to unwind their stacks.
struct Abandoned {};

thread_local Block* current_block = nullptr;

std::string text_of(const uint3& i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

uint3 index_in(const dim3& extent, std::uint32_t i) {
  return {i % extent.x, i / extent.x % extent.y, i / extent.x / extent.y};
}

}  // namespace

std::string where(const Site& site) {
  const std::string_view path = site.file_name();
  return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(site.line());
}

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::string_view(a.file_name()) == b.file_name());
}

Block::Block()
    : stacks_(kMaxThreads, kStackBytes),
      shared_(static_cast<char*>(std::aligned_alloc(
          kSharedAlignment, (kSharedCapacity + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment))) {
  check(shared_ != nullptr, "simt: no memory for the shared memory of a block");
}

Block& Block::current() {
  check(current_block != nullptr, "simt: a kernel's function is called outside of a kernel");
  return *current_block;
}

void Block::run(const Launch& launch, std::uint32_t index) {
  reset(launch, index);
  current_block = this;
  try {
    schedule();
  } catch (...) {
    error_ = std::current_exception();
  }
  if (error_) abandon();
  current_block = nullptr;
  for (unsigned w = 0; w < warp_count_; ++w) warps_[w].traffic.flush(counters);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Block::reset(const Launch& launch, std::uint32_t index) {
  launch_ = &launch;
  index_ = index;
  thread_count_ = launch.block.x * launch.block.y * launch.block.z;
  warp_count_ = (thread_count_ + kWarpSize - 1) / kWarpSize;
  exited_ = 0;
  change_warp_ = true;
  abandoned_ = false;
  random_state_ = ((options().seed + 1) * 0x9E3779B97F4A7C15u ^ (index + 1) * 0xD1B54A32D192ED03u) | 1;
  blockIdx = index_in(launch.grid, index);
  blockDim = launch.block;
  gridDim = launch.grid;
  clocks_.reset(warp_count_);
  barriers_ = {};
  std::memset(shared_.get(), 0xFF, launch.shared_bytes);  // NaN
  shared_shadow_.clear(launch.shared_bytes);
  for (unsigned w = 0; w < warp_count_; ++w) {
    warps_[w].pending.clear();
    warps_[w].ready = warps_[w].alive = live_lanes(w);
  }
  for (unsigned t = 0; t < thread_count_; ++t) {
    threads_[t] = {};
    threads_[t].fiber = stacks_.make_fiber(t, thread_entry);
    threads_[t].index = index_in(launch.block, t);
  }
}

std::uint32_t Block::live_lanes(unsigned warp) const {
  const unsigned lanes = std::min(kWarpSize, thread_count_ - warp * kWarpSize);
  return lanes == kWarpSize ? ~0u : (1u << lanes) - 1;
}

std::uint32_t Block::random() {  // xorshift (Marsaglia 2003)
  random_state_ ^= random_state_ << 13;
  random_state_ ^= random_state_ >> 7;
  random_state_ ^= random_state_ << 17;
  return static_cast<std::uint32_t>(random_state_ >> 32);
}

void Block::thread_entry() {
  Block& block = *current_block;
  enter_fiber(block.scheduler_);
  try {
    block.launch_->body();
  } catch (const Abandoned&) {
  } catch (...) {
    block.error_ = std::current_exception();
  }
  const unsigned thread = block.running_;
  Warp& warp = block.warps_[thread / kWarpSize];
  const std::uint32_t lane = 1u << thread % kWarpSize;
  warp.ready &= ~lane;
  warp.alive &= ~lane;
  block.threads_[thread].wait = Wait::exited;
  ++block.exited_;
  leave_fiber(block.scheduler_);
}

void Block::schedule() {
  while (exited_ < thread_count_) {
    if (!choose()) report_deadlock();
    resume(running_);
    if (error_) return;
  }
}

// Sets `running_` to a thread that can run. A warp keeps its turn until its lanes wait, or change_warp_ is set.
bool Block::choose() {
  if (change_warp_ || !warps_[warp_].ready) {
    const unsigned first = random() % warp_count_;
    unsigned i = 0;
    while (i < warp_count_ && !warps_[(first + i) % warp_count_].ready) ++i;
    if (i == warp_count_) return false;
    warp_ = (first + i) % warp_count_;
    change_warp_ = false;
  }
  const unsigned first = random() % kWarpSize;
  const std::uint32_t rotated = std::rotr(warps_[warp_].ready, static_cast<int>(first));
  running_ = warp_ * kWarpSize + (first + static_cast<unsigned>(std::countr_zero(rotated))) % kWarpSize;
  return true;
}

void Block::resume(unsigned thread) {
  running_ = thread;
  threads_[thread].begun = true;
  threadIdx = threads_[thread].index;
  switch_fiber(scheduler_, threads_[thread].fiber);
}

void Block::suspend(Wait wait, const Site& site) {
  const unsigned thread = running_;
  threads_[thread].wait = wait;
  threads_[thread].site = site;
  warps_[thread / kWarpSize].ready &= ~(1u << thread % kWarpSize);
  switch_fiber(threads_[thread].fiber, scheduler_);
  if (abandoned_) throw Abandoned{};
}

void Block::wake(unsigned thread) {
  threads_[thread].wait = Wait::none;
  warps_[thread / kWarpSize].ready |= 1u << thread % kWarpSize;
}

// Unwinds the stacks of the threads that have begun, after one has failed: each goes on in suspend(), which throws.
void Block::abandon() {
  abandoned_ = true;
  for (unsigned t = 0; t < thread_count_; ++t)
    if (threads_[t].begun && threads_[t].wait != Wait::exited) resume(t);
}

char* Block::shared_memory(std::size_t bytes) {
  if (bytes > launch_->shared_bytes)
    fault(launch_->site, "the kernel uses ", bytes, " bytes of shared memory, the launch gives it ",
          launch_->shared_bytes);
  return shared_.get();
}

std::size_t Block::shared_offset(const void* data) const {
  return static_cast<std::size_t>(static_cast<const char*>(data) - shared_.get());
}

std::string Block::place(const Site& site) const {
  std::ostringstream text;
  text << where(site) << ": block " << text_of(blockIdx) << ", thread " << text_of(index_in(launch_->block, running_))
       << " of the launch at " << where(launch_->site) << ": ";
  return text.str();
}

// ---- deadlock

std::string Block::describe_warp(unsigned warp) const {
  std::ostringstream text;
  // Threads that wait at the same place, named by the first.
  std::vector<std::pair<std::string, unsigned>> groups;
  for (unsigned t = warp * kWarpSize; t < std::min(thread_count_, (warp + 1) * kWarpSize); ++t) {
    const Thread& thread = threads_[t];
    const std::string state = thread.wait == Wait::exited ? "exited"
                              : thread.wait == Wait::barrier
                                  ? "at barrier " + std::to_string(thread.barrier) + ", " + where(thread.site)
                                  : "at a warp operation, " + where(thread.site);
    if (groups.empty() || groups.back().first != state) groups.emplace_back(state, 0);
    ++groups.back().second;
  }
  text << "; warp " << warp << ": ";
  for (std::size_t i = 0; i < groups.size(); ++i)
    text << (i ? ", " : "") << groups[i].second << " threads " << groups[i].first;
  return text.str();
}

void Block::report_deadlock() const {
  std::ostringstream text;
  for (unsigned w = 0; w < warp_count_; ++w) text << describe_warp(w);
  fail(where(launch_->site), ": block ", text_of(blockIdx), ": deadlock, no thread can go on", text.str());
}

}  // namespace basin::simt
