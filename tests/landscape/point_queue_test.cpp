#include "landscape/point_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace basin {
namespace {

std::vector<std::size_t> points_of(const std::vector<PointQueue::Task>& tasks) {
  std::vector<std::size_t> points;
  for (const PointQueue::Task& task : tasks) points.push_back(task.point);
  return points;
}

TEST(PointQueue, GivesPointsInOrderAndThoseOfAnotherAttemptAfterThem) {
  PointQueue queue(5);
  int attempt = -1;
  ASSERT_TRUE(queue.next_attempt(false, attempt));
  EXPECT_EQ(attempt, 0);
  EXPECT_EQ(points_of(queue.take(0, 3)), (std::vector<std::size_t>{0, 1, 2}));
  queue.done(2);
  queue.give_back({{1, 1}});
  EXPECT_EQ(points_of(queue.take(1, 9)), (std::vector<std::size_t>{1}));
  queue.give_back({{1, 1}});
  ASSERT_TRUE(queue.next_attempt(false, attempt));
  EXPECT_EQ(attempt, 0);
  EXPECT_EQ(points_of(queue.take(0, 9)), (std::vector<std::size_t>{3, 4}));
  ASSERT_TRUE(queue.next_attempt(false, attempt));
  EXPECT_EQ(attempt, 1);
  EXPECT_EQ(points_of(queue.take(1, 9)), (std::vector<std::size_t>{1}));
  EXPECT_FALSE(queue.next_attempt(true, attempt)) << "the caller has tasks to finish";
  queue.done(3);
  EXPECT_FALSE(queue.next_attempt(false, attempt));
}

// A worker without tasks waits: another may lose its device and give back what it had.
TEST(PointQueue, WaitsForTasksThatMayComeBack) {
  PointQueue queue(2);
  const std::vector<PointQueue::Task> others = queue.take(0, 2);
  std::atomic<int> state = 0;
  std::jthread idle([&] {
    int attempt = -1;
    state = 1;
    const bool found = queue.next_attempt(false, attempt);
    state = found && points_of(queue.take(attempt, 2)) == std::vector<std::size_t>{1} ? 2 : 3;
  });
  while (state == 0) std::this_thread::yield();
  EXPECT_EQ(state, 1);
  queue.done(1);
  queue.give_back({others[1]});
  idle.join();
  EXPECT_EQ(state, 2);
}

TEST(PointQueue, GivesNothingOnceClosed) {
  PointQueue queue(3);
  queue.take(0, 1);
  int attempt = -1;
  std::jthread closing([&] { queue.close(); });
  closing.join();
  EXPECT_FALSE(queue.next_attempt(false, attempt));
  EXPECT_TRUE(queue.take(0, 3).empty());
}

}  // namespace
}  // namespace basin
