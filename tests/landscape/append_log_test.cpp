#include "landscape/append_log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "core/atomic_file.h"
#include "core/random.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

constexpr std::size_t kRecordBytes = 92;
const std::string kConfiguration = R"({"images":1000,"model":"resnet20","x":"-1:1:51"})";

// What an item's result would be: a function of the item, as a point's is.
LogRecord record_of(std::int64_t index) {
  const auto value = static_cast<double>(index);
  return {.index = index,
          .values = {value, value / 3, std::sqrt(value), -value, value + 1, std::numeric_limits<double>::infinity(),
                     std::nan(""), 1e-300 * value, 0, -value / 7}};
}
const std::size_t kWidth = record_of(0).values.size();

bool same_bits(const LogRecord& a, const LogRecord& b) {
  return a.index == b.index && a.values.size() == b.values.size() &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0;
}

void expect_points(const AppendLog& log, const std::vector<std::int64_t>& points) {
  ASSERT_EQ(log.recovered().size(), points.size());
  for (std::size_t i = 0; i < points.size(); ++i)
    EXPECT_TRUE(same_bits(log.recovered()[i], record_of(points[i]))) << "record " << i << ", point " << points[i];
}

// Without waiting for the disk, as write_file() and the truncation of an existing file would.
void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

// The bytes of a log with the given points.
std::string log_bytes(const TemporaryFolder& folder, const std::vector<std::int64_t>& points) {
  {
    AppendLog log(folder / "made", kConfiguration, 100, kWidth);
    for (const std::int64_t point : points) log.append(record_of(point));
  }
  std::string bytes = read_file(folder / "made");
  std::filesystem::remove(folder / "made");
  return bytes;
}

TEST(AppendLog, RecordsSurviveBitForBit) {
  const TemporaryFolder folder;
  {
    AppendLog log(folder / "log", kConfiguration, 100, kWidth);
    EXPECT_TRUE(log.recovered().empty());
    for (const std::int64_t point : {7, 0, 99}) log.append(record_of(point));
  }
  {
    AppendLog log(folder / "log", kConfiguration, 100, kWidth);
    expect_points(log, {7, 0, 99});
    log.append(record_of(5));
  }
  expect_points(AppendLog(folder / "log", kConfiguration, 100, kWidth), {7, 0, 99, 5});
}

TEST(AppendLog, TheFirstOfRepeatedPointsWins) {
  const TemporaryFolder folder;
  {
    AppendLog log(folder / "log", kConfiguration, 100, kWidth);
    LogRecord second = record_of(3);
    second.values[0] = -1;
    log.append(record_of(3));
    log.append(second);
    log.append(record_of(4));
  }
  expect_points(AppendLog(folder / "log", kConfiguration, 100, kWidth), {3, 4});
}

TEST(AppendLog, ATornTailIsCutOffAtEveryLength) {
  const TemporaryFolder folder;
  const std::string whole = log_bytes(folder, {1, 2, 3});
  for (std::size_t cut = 1; cut < kRecordBytes; ++cut) {
    put(folder / "log", whole.substr(0, whole.size() - cut));
    {
      AppendLog log(folder / "log", kConfiguration, 100, kWidth);
      expect_points(log, {1, 2});
      log.append(record_of(9));
    }
    expect_points(AppendLog(folder / "log", kConfiguration, 100, kWidth), {1, 2, 9});
  }
}

TEST(AppendLog, DamagedRecordsAreSkipped) {
  const TemporaryFolder folder;
  const std::string whole = log_bytes(folder, {1, 2, 3});
  const std::size_t header = whole.size() - 3 * kRecordBytes;
  for (std::size_t byte = 0; byte < kRecordBytes; ++byte) {
    std::string damaged = whole;
    damaged[header + kRecordBytes + byte] ^= 0x10;
    put(folder / "log", damaged);
    expect_points(AppendLog(folder / "log", kConfiguration, 100, kWidth), {1, 3});
  }
}

TEST(AppendLog, ADamagedHeaderIsAnError) {
  const TemporaryFolder folder;
  const std::string whole = log_bytes(folder, {});
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    std::string damaged = whole;
    damaged[byte] ^= 0x01;
    put(folder / "log", damaged);
    expect_error([&] { AppendLog(folder / "log", kConfiguration, 100, kWidth); }, {(folder / "log").string()});
    put(folder / "log", whole.substr(0, byte));
    expect_error([&] { AppendLog(folder / "log", kConfiguration, 100, kWidth); }, {(folder / "log").string()});
  }
}

TEST(AppendLog, AnotherConfigurationNamesTheField) {
  const TemporaryFolder folder;
  { AppendLog log(folder / "log", kConfiguration, 100, kWidth); }
  const std::string before = read_file(folder / "log");
  const auto open = [&](const std::string& configuration) { AppendLog(folder / "log", configuration, 100, kWidth); };
  expect_error([&] { open(R"({"images":500,"model":"resnet20","x":"-1:1:51"})"); },
               {"another configuration", "images: expected 500, found 1000"});
  expect_error([&] { open(R"({"images":1000,"model":"vgg9","x":"-1:1:51"})"); },
               {R"(model: expected "vgg9", found "resnet20")"});
  expect_error([&] { open(R"({"images":1000,"model":"resnet20"})"); }, {R"(x: expected nothing, found "-1:1:51")"});
  expect_error([&] { open(R"({"images":1000,"model":"resnet20","seed":1,"x":"-1:1:51"})"); },
               {"seed: expected 1, found nothing"});
  EXPECT_EQ(read_file(folder / "log"), before);
}

TEST(AppendLog, AnotherWidthIsAnError) {
  const TemporaryFolder folder;
  AppendLog(folder / "log", kConfiguration, 100, kWidth);
  expect_error([&] { AppendLog(folder / "log", kConfiguration, 100, 3); },
               {"values of a record", "expected 3", "found 10"});
  AppendLog log(folder / "log", kConfiguration, 100, kWidth);
  expect_error([&] { log.append({1, {1, 2}}); }, {"expected 10 values", "found 2"});
}

TEST(AppendLog, PointsOutsideTheGridAndOtherUsersAreErrors) {
  const TemporaryFolder folder;
  AppendLog log(folder / "log", kConfiguration, 100, kWidth);
  log.append(record_of(99));
  expect_error([&] { AppendLog(folder / "log", kConfiguration, 100, kWidth); }, {"in use by another process"});
  std::filesystem::copy_file(folder / "log", folder / "copy");
  expect_error([&] { AppendLog(folder / "copy", kConfiguration, 99, kWidth); },
               {"copy", "index: expected one of 99", "found 99"});
  expect_error([&] { AppendLog(folder / "absent/log", kConfiguration, 99, kWidth); }, {"cannot write", "absent/log"});
}

TEST(AppendLog, AFullDiskLosesNothing) {
  const TemporaryFolder folder;
  AppendLog log(folder / "log", kConfiguration, 100, kWidth);
  log.append(record_of(1));
  {
    const FailingDisk disk(std::filesystem::file_size(folder / "log") + kRecordBytes / 2);
    expect_error([&] { log.append(record_of(2)); }, {"cannot write", "log", "File too large"});
  }
  log.append(record_of(3));
  std::filesystem::copy_file(folder / "log", folder / "copy");
  expect_points(AppendLog(folder / "copy", kConfiguration, 100, kWidth), {1, 3});
}

TEST(AppendLog, RemoveDeletesTheFile) {
  const TemporaryFolder folder;
  {
    AppendLog log(folder / "log", kConfiguration, 100, kWidth);
    log.append(record_of(1));
    log.remove();
  }
  EXPECT_EQ(folder.entries(), 0u);
}

// A process that appends is killed at random moments, again and again, and each successor goes on: every record that a
// write returned for is found, in order and bit for bit, and the log fills up.
TEST(AppendLog, SurvivesKillAtRandomMoments) {
  const TemporaryFolder folder;
  constexpr std::int64_t kPoints = 20'000;
  const Random random(1, random_stream("append log kill"));
  std::size_t known = 0;
  for (std::uint64_t round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      AppendLog log(folder / "log", kConfiguration, kPoints, kWidth, {.sync_interval = std::chrono::milliseconds(2)});
      for (auto point = static_cast<std::int64_t>(log.recovered().size()); point < kPoints; ++point)
        log.append(record_of(point));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random.below(8000, round)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    const AppendLog log(folder / "log", kConfiguration, kPoints, kWidth);
    ASSERT_GE(log.recovered().size(), known);
    known = log.recovered().size();
    for (std::size_t i = 0; i < known; ++i)
      ASSERT_TRUE(same_bits(log.recovered()[i], record_of(static_cast<std::int64_t>(i)))) << "round " << round;
  }
  EXPECT_GT(known, 0u);
}

}  // namespace
}  // namespace basin
