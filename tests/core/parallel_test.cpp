#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "core/error.h"

namespace basin {
namespace {

class Parallel : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_thread_count(GetParam()); }
  void TearDown() override { set_thread_count(before_); }

 private:
  int before_ = thread_count();
};

TEST_P(Parallel, RunsEachItemOnce) {
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<int> visits(257);
    parallel_for(257, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
    ASSERT_EQ(visits, std::vector<int>(257, 1));
  }
}

TEST_P(Parallel, RunsNothingForZeroItems) {
  parallel_for(0, [](std::int64_t) { FAIL(); });
}

TEST_P(Parallel, BlocksCoverTheRange) {
  std::vector<int> visits(1000);
  parallel_for_blocks(1000, 64, [&](std::int64_t begin, std::int64_t end) {
    EXPECT_EQ(begin % 64, 0);
    EXPECT_LE(end - begin, 64);
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  EXPECT_EQ(visits, std::vector<int>(1000, 1));
}

TEST_P(Parallel, NestedCallsRunOnTheSameThread) {
  parallel_for(16, [](std::int64_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(16, [=](std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), outer); });
  });
}

TEST_P(Parallel, SerialScopeKeepsToTheCallingThread) {
  const SerialScope serial;
  const auto caller = std::this_thread::get_id();
  parallel_for(64, [=](std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST_P(Parallel, PassesOnAnException) {
  EXPECT_THROW(parallel_for(100, [](std::int64_t i) { check(i != 50, "item ", i); }), Error);
  std::atomic<int> done = 0;
  parallel_for(100, [&](std::int64_t) { ++done; });  // the pool still works
  EXPECT_EQ(done, 100);
}

TEST_P(Parallel, CallersOnSeveralThreadsAllFinish) {
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 100; ++repeat) parallel_for(10, [&](std::int64_t) { ++done; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 4 * 100 * 10);
}

INSTANTIATE_TEST_SUITE_P(Threads, Parallel, testing::Values(1, 2, 7));

TEST(ParallelThreads, UsesAsManyAsWereAskedFor) {
  const int before = thread_count();
  set_thread_count(3);
  EXPECT_EQ(thread_count(), 3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  parallel_for(3, [&](std::int64_t) {  // each item waits until all three are begun
    std::size_t begun = 0;
    while (begun < 3) {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      begun = threads.size();
    }
  });
  EXPECT_EQ(threads.size(), 3u);
  set_thread_count(before);
  EXPECT_THROW(set_thread_count(0), Error);
}

}  // namespace
}  // namespace basin
