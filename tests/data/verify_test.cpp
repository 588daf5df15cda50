#include "data/verify.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/atomic_file.h"
#include "data/cifar.h"
#include "data/official.h"
#include "data/synthetic.h"
#include "tests/data/png_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(Verify, CountsImagesAndClasses) {
  const TemporaryFolder folder;
  write_cifar10(make_synthetic(0, 10'030, 50), folder.path(), false);
  const DatasetReport report = verify_dataset(folder.path());
  EXPECT_TRUE(report.problems.empty());
  EXPECT_FALSE(report.official);
  ASSERT_EQ(report.files.size(), 3u);
  EXPECT_EQ(report.files[1].name, "data_batch_2.bin");
  EXPECT_EQ(report.files[1].images, 5015);
  EXPECT_EQ(report.files[1].bytes, 5015 * 3073);
  EXPECT_EQ(report.files[1].origin, Origin::unknown);
  EXPECT_EQ(report.train_counts, std::vector<std::int64_t>(10, 1003));
  EXPECT_EQ(report.test_counts, std::vector<std::int64_t>(10, 5));
}

TEST(Verify, FindsEveryProblem) {
  const TemporaryFolder folder;
  write_cifar10(make_synthetic(0, 10'030, 50), folder.path(), false);
  std::string batch = read_file(folder / "data_batch_1.bin");
  batch[3073 * 12] = 10;
  write_file(folder / "data_batch_1.bin", batch);
  write_file(folder / "test_batch.bin", read_file(folder / "test_batch.bin") + "x");
  const DatasetReport report = verify_dataset(folder.path());
  ASSERT_EQ(report.problems.size(), 2u);
  EXPECT_NE(report.problems[0].find("record 12 has label 10"), std::string::npos) << report.problems[0];
  EXPECT_NE(report.problems[1].find("test_batch.bin: expected a multiple"), std::string::npos) << report.problems[1];
}

TEST(Verify, NoticesAnEmptyClass) {
  const TemporaryFolder folder;
  write_cifar10(make_synthetic(0, 9, 10), folder.path(), false);
  const DatasetReport report = verify_dataset(folder.path());
  EXPECT_EQ(report.problems, std::vector<std::string>{"class checker has no training image"});
}

TEST(Verify, TellsOfficialFilesFromOthers) {
  const TemporaryFolder folder;
  Dataset dataset = make_synthetic(0, 100, 20);
  dataset.class_names = {kCifar10Names.begin(), kCifar10Names.end()};
  write_cifar10(dataset, folder.path(), false);
  const DatasetReport report = verify_dataset(folder.path());
  EXPECT_TRUE(report.problems.empty());
  EXPECT_FALSE(report.official);
  for (const FileReport& file : report.files) EXPECT_EQ(file.origin, Origin::other);
}

TEST(Verify, ReadsImageFolders) {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"})
    for (int i = 0; i < 5; ++i)
      write_png(folder / name / (std::to_string(i) + ".png"), 4, 4, 3, std::vector<std::uint8_t>(48, 7));
  const DatasetReport report = verify_dataset(folder.path());
  EXPECT_EQ(report.train_counts, (std::vector<std::int64_t>{4, 4}));
  EXPECT_EQ(report.test_counts, (std::vector<std::int64_t>{1, 1}));
  expect_error([&] { verify_dataset(folder / "none"); }, {"does not exist"});
}

TEST(OfficialSet, KnowsBothAndNoOther) {
  EXPECT_EQ(official_set("cifar10").files.size(), 6u);
  EXPECT_EQ(official_set("cifar100").files.size(), 2u);
  expect_error([] { official_set("cifar"); }, {"'cifar'", "cifar10 or cifar100"});
}

TEST(RealCifar10, IsTheOfficialOne) {
  const char* folder = std::getenv("BASIN_CIFAR10");
  if (!folder) GTEST_SKIP() << "set BASIN_CIFAR10 to the folder of the CIFAR-10 binary files to run this test";
  const DatasetReport report = verify_dataset(folder);
  EXPECT_TRUE(report.official);
  EXPECT_TRUE(report.problems.empty());
}

}  // namespace
}  // namespace basin
