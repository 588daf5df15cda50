#include "models/training/metrics.h"

#include <cmath>

#include "core/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

EpochMetrics line(std::int64_t epoch) {
  EpochMetrics metrics;
  metrics.epoch = epoch;
  metrics.test_error = 10.0 / 3 * static_cast<double>(epoch + 1);
  return metrics;
}

TEST(Metrics, LinesComeBackExactly) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  for (int epoch = 0; epoch < 3; ++epoch) append_metrics(path, line(epoch));
  const auto read = read_metrics(path);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[2].test_error, line(2).test_error);
  EXPECT_TRUE(std::isnan(read[2].train_loss));
  EXPECT_NE(to_json_line(line(1)).find("\"train_loss\":null"), std::string::npos);
}

TEST(Metrics, TruncationDropsLaterEpochsAndATornLine) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  const std::string kept = to_json_line(line(0)) + "\n" + to_json_line(line(1)) + "\n";
  write_file(path, kept + to_json_line(line(2)) + "\n{\"epoch\":3,\"tr");
  EXPECT_EQ(truncate_metrics(path, 1).size(), 2u);
  EXPECT_EQ(read_file(path), kept);
}

TEST(Metrics, MalformedLinesAreNamed) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_file(path, to_json_line(line(0)) + "\nnonsense\n");
  expect_error([&] { read_metrics(path); }, {"metrics.jsonl line 2", "JSON"});
  write_file(path, "{\"epoch\":0}\n");
  expect_error([&] { read_metrics(path); }, {"line 1", "train_loss", "missing"});
}

}  // namespace
}  // namespace basin
