#include "models/training/step_reports.h"

#include <gtest/gtest.h>

#include "core/backend.h"

namespace basin {
namespace {

// A device that has done nothing until it is waited for, or everything at once.
class Device {
 public:
  explicit Device(bool at_once) : at_once_(at_once) {}
  void step() { ++status_[StepCounter::batches]; }
  std::unique_ptr<PendingCopy> start_copy() {
    ++under_way;
    return std::make_unique<Copy>(*this);
  }
  int under_way = 0;

 private:
  struct Copy final : PendingCopy {
    explicit Copy(Device& owner) : device(owner), status(owner.status_) {}
    bool ready() const override { return device.at_once_; }
    const void* wait() override {
      --device.under_way;
      return &status;
    }
    Device& device;
    StepStatus status;
  };

  bool at_once_;
  StepStatus status_;
};

TEST(StepReports, EachStepWhereItIsDoneAtOnce) {
  Device device(true);
  std::vector<std::int64_t> reported;
  StepReports reports([&] { return device.start_copy(); }, true,
                      [&](const StepStatus& status) { reported.push_back(status[StepCounter::batches]); });
  for (std::int64_t i = 1; i <= 50; ++i) {
    device.step();
    reports.step_done();
    ASSERT_EQ(reported.size(), static_cast<std::size_t>(i));
    EXPECT_EQ(reported.back(), i);
  }
}

// However slow the device: two reports are under way and not waited for, and what is reported is what was asked for.
TEST(StepReports, TheHostIsTwoReportsAhead) {
  Device device(false);
  std::vector<std::int64_t> asked, reported;
  std::int64_t steps = 0;
  StepReports reports(
      [&] {
        asked.push_back(steps);
        return device.start_copy();
      },
      false, [&](const StepStatus& status) { reported.push_back(status[StepCounter::batches]); });
  for (; asked.size() < 6;) {
    device.step();
    ++steps;
    reports.step_done();
    EXPECT_EQ(device.under_way, static_cast<int>(std::min<std::size_t>(asked.size(), 2)));
  }
  ASSERT_EQ(reported.size(), 4u);
  for (std::size_t i = 0; i < reported.size(); ++i) EXPECT_EQ(reported[i], asked[i]);
  EXPECT_EQ(asked[0], 1);
}

TEST(StepReports, MayStopTheRun) {
  Device device(true);
  StepReports reports([&] { return device.start_copy(); }, true, [](const StepStatus&) { fail("stop"); });
  device.step();
  EXPECT_THROW(reports.step_done(), Error);
  EXPECT_EQ(device.under_way, 0);
}

}  // namespace
}  // namespace basin
