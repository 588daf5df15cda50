#include "data/cifar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// One record: the labels, then three planes of one value each.
std::string record(const std::string& labels, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  std::string bytes = labels;
  for (const std::uint8_t value : {red, green, blue}) bytes.append(1024, static_cast<char>(value));
  return bytes;
}

std::string label(int value) { return std::string(1, static_cast<char>(value)); }

std::string lines(std::size_t count, const std::string& prefix) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += prefix + std::to_string(i) + "\n";
  return text;
}

// Two classes, two training files with one image each, one test image.
void write_two_classes(const TemporaryFolder& folder) {
  write_file(folder / "batches.meta.txt", "cat\r\ndog\r\n\r\n");
  write_file(folder / "data_batch_1.bin", record(label(1), 10, 20, 30));
  write_file(folder / "data_batch_2.bin", record(label(0), 40, 50, 60));
  write_file(folder / "test_batch.bin", record(label(1), 70, 80, 90));
}

std::string official_names() {
  std::string text;
  for (const std::string_view name : kCifar10Names) text += std::string(name) + "\n";
  return text;
}

TEST(Cifar10Form, InterleavesPlanesInTheOrderOfTheFiles) {
  const TemporaryFolder folder;
  write_two_classes(folder);
  const Dataset dataset = load_dataset(folder.path());
  EXPECT_EQ(dataset.name, "binary:" + folder.path().filename().string());
  EXPECT_EQ(dataset.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.train.labels, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(dataset.test.labels, (std::vector<std::int32_t>{1}));
  ASSERT_EQ(dataset.train.pixels.size(), 6144u);
  for (std::size_t i = 0; i < 6144; ++i)
    ASSERT_EQ(dataset.train.pixels[i], 10 * (1 + i % 3) + (i < 3072 ? 0 : 30)) << i;
}

TEST(Cifar10Form, PlanesAreRowMajor) {
  const TemporaryFolder folder;
  write_two_classes(folder);
  std::string bytes = record(label(0), 0, 0, 0);
  bytes[1 + 1024 + 5 * 32 + 7] = 99;  // green, row 5, column 7
  write_file(folder / "test_batch.bin", bytes);
  const Images test = load_dataset(folder.path()).test;
  EXPECT_EQ(test.pixels[(5 * 32 + 7) * 3 + 1], 99);
  EXPECT_EQ(std::count(test.pixels.begin(), test.pixels.end(), 0), 3071);
}

TEST(Cifar10Form, RejectsWhatIsMalformed) {
  const TemporaryFolder folder;
  const auto load = [&] { load_dataset(folder.path()); };
  write_two_classes(folder);
  write_file(folder / "data_batch_2.bin", record(label(0), 1, 2, 3).substr(1));
  expect_error(load, {"data_batch_2.bin", "multiple of 3073", "found 3072"});
  write_file(folder / "data_batch_2.bin", "");
  expect_error(load, {"data_batch_2.bin", "multiple of 3073", "found 0"});
  write_file(folder / "data_batch_2.bin", record(label(0), 1, 2, 3) + record(label(2), 1, 2, 3));
  expect_error(load, {"data_batch_2.bin", "record 1", "label 2", "0 to 1", "batches.meta.txt has 2 names"});
  write_file(folder / "data_batch_2.bin", record(label(1), 1, 2, 3));
  expect_error(load, {"class 0 (cat)", "no training image"});
  write_two_classes(folder);
  write_file(folder / "batches.meta.txt", "cat\ncat\n");
  expect_error(load, {"batches.meta.txt", "'cat' appears twice"});
  write_file(folder / "batches.meta.txt", "cat\n");
  expect_error(load, {"batches.meta.txt", "2 to 256", "found 1"});
  write_file(folder / "batches.meta.txt", lines(257, "c"));
  expect_error(load, {"batches.meta.txt", "more than 256"});
  write_two_classes(folder);
  write_file(folder / "image_extent.txt", "0\n");
  expect_error(load, {"image_extent.txt", "1 to 4096"});
  write_file(folder / "image_extent.txt", "16 pixels\n");
  expect_error(load, {"image_extent.txt", "1 to 4096"});
}

TEST(Cifar10Form, NamesTheMissingFiles) {
  const TemporaryFolder folder;
  const auto load = [&] { load_dataset(folder.path()); };
  write_two_classes(folder);
  std::filesystem::rename(folder / "data_batch_2.bin", folder / "data_batch_4.bin");
  std::filesystem::remove(folder / "test_batch.bin");
  expect_error(load, {"missing data_batch_2.bin, data_batch_3.bin, test_batch.bin"});
  std::filesystem::remove(folder / "batches.meta.txt");
  expect_error(load, {"missing batches.meta.txt"});
}

TEST(Cifar10Form, TheOfficialNamesAskForFiveFiles) {
  const TemporaryFolder folder;
  const auto load = [&] { load_dataset(folder.path()); };
  std::string all;
  for (int i = 0; i < 10; ++i) all += record(label(i), 1, 2, 3);
  write_file(folder / "batches.meta.txt", official_names() + "\n");
  write_file(folder / "test_batch.bin", all);
  for (const char* number : {"1", "2", "5"}) write_file(folder / ("data_batch_" + std::string(number) + ".bin"), all);
  expect_error(load, {"CIFAR-10 needs 6 files", "missing data_batch_3.bin, data_batch_4.bin"});
  for (const char* number : {"3", "4"}) write_file(folder / ("data_batch_" + std::string(number) + ".bin"), all);
  EXPECT_EQ(load_dataset(folder.path()).name, "cifar10");
  EXPECT_EQ(load_dataset(folder.path()).train.count, 50);
  write_file(folder / "data_batch_6.bin", all);
  expect_error(load, {"five training files", "data_batch_6.bin"});
}

TEST(Cifar10Form, IsFoundInTheFolderOfTheArchive) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "cifar-10-batches-bin");
  write_cifar10(load_dataset({}, {.synthetic_train = 20, .synthetic_test = 10}), folder / "cifar-10-batches-bin",
                false);
  EXPECT_EQ(load_dataset(folder.path()).train.count, 20);
}

TEST(Cifar100, ReadsFineAndCoarseLabels) {
  const TemporaryFolder folder;
  std::string train;
  for (int i = 0; i < 100; ++i) train += record(label(i % 20) + label(i), 5, 6, 7);
  write_file(folder / "train.bin", train);
  write_file(folder / "test.bin", record(label(3) + label(98), 8, 9, 10));
  write_file(folder / "fine_label_names.txt", lines(100, "fine"));
  write_file(folder / "coarse_label_names.txt", lines(20, "coarse"));
  const Dataset fine = load_dataset(folder.path());
  EXPECT_EQ(fine.name, "cifar100");
  EXPECT_EQ(fine.classes(), 100);
  EXPECT_EQ(fine.test.labels.front(), 98);
  EXPECT_EQ(fine.test.pixels[3071], 10);
  const Dataset coarse = load_dataset(folder.path(), {.fine_labels = false});
  EXPECT_EQ(coarse.class_names[3], "coarse3");
  EXPECT_EQ(coarse.test.labels.front(), 3);

  write_file(folder / "test.bin", record(label(20) + label(1), 8, 9, 10));
  expect_error([&] { load_dataset(folder.path(), {.fine_labels = false}); }, {"test.bin", "label 20", "0 to 19"});
  write_file(folder / "test.bin", std::string(3073, 'x'));
  expect_error([&] { load_dataset(folder.path()); }, {"test.bin", "multiple of 3074", "found 3073"});
  write_file(folder / "fine_label_names.txt", lines(99, "fine"));
  expect_error([&] { load_dataset(folder.path()); }, {"fine_label_names.txt", "expected 100", "found 99"});
  std::filesystem::remove(folder / "test.bin");
  expect_error([&] { load_dataset(folder.path()); }, {"CIFAR-100", "missing test.bin"});
}

TEST(WriteCifar10, ReadsBackTheSame) {
  const TemporaryFolder folder;
  const Dataset dataset = load_dataset({}, {.synthetic_train = 10'020, .synthetic_test = 30});
  const auto files = write_cifar10(dataset, folder / "set", false);
  EXPECT_EQ(files,
            (std::vector<std::string>{"data_batch_1.bin", "data_batch_2.bin", "test_batch.bin", "batches.meta.txt"}));
  const Dataset again = load_dataset(folder / "set");
  EXPECT_EQ(again.class_names, dataset.class_names);
  EXPECT_EQ(again.train.pixels, dataset.train.pixels);
  EXPECT_EQ(again.train.labels, dataset.train.labels);
  EXPECT_EQ(again.test.pixels, dataset.test.pixels);
}

Dataset tiny_set(std::int64_t extent, std::uint8_t value) {
  Dataset dataset{.name = "tiny", .class_names = {"a", "b"}, .train = {}, .test = {}};
  for (Images* images : {&dataset.train, &dataset.test}) {
    images->count = 2;
    images->height = images->width = extent;
    images->pixels.assign(static_cast<std::size_t>(2 * images->image_size()), value);
    images->labels = {0, 1};
  }
  return dataset;
}

TEST(WriteCifar10, KeepsOtherExtents) {
  const TemporaryFolder folder;
  write_cifar10(tiny_set(20, 9), folder.path(), false);
  const Dataset again = load_dataset(folder.path());
  EXPECT_EQ(again.train.height, 20);
  EXPECT_EQ(again.test.width, 20);
  EXPECT_EQ(again.train.pixels, tiny_set(20, 9).train.pixels);
}

TEST(WriteCifar10, TheOfficialNamesMakeFiveFiles) {
  const TemporaryFolder folder;
  Dataset dataset = load_dataset({}, {.synthetic_train = 57, .synthetic_test = 10});
  dataset.class_names = {kCifar10Names.begin(), kCifar10Names.end()};
  EXPECT_EQ(write_cifar10(dataset, folder.path(), false).size(), 7u);
  EXPECT_EQ(load_dataset(folder.path()).train.pixels, dataset.train.pixels);
}

TEST(WriteCifar10, WritesOverNothingUnlessForced) {
  const TemporaryFolder folder;
  write_cifar10(load_dataset({}, {.synthetic_train = 10'010, .synthetic_test = 10}), folder.path(), false);
  const std::string before = read_file(folder / "data_batch_1.bin");
  const auto write = [&](bool force) { write_cifar10(tiny_set(32, 4), folder.path(), force); };
  expect_error([&] { write(false); }, {"data_batch_2.bin", "--force"});
  EXPECT_EQ(read_file(folder / "data_batch_1.bin"), before);
  std::filesystem::remove(folder / "data_batch_2.bin");
  expect_error([&] { write(false); }, {"data_batch_1.bin", "other contents", "--force"});
  EXPECT_EQ(read_file(folder / "data_batch_1.bin"), before);
  write(true);
  write(false);  // the same again
  EXPECT_EQ(load_dataset(folder.path()).train.pixels, tiny_set(32, 4).train.pixels);
}

TEST(WriteCifar10, RejectsWhatTheFormCannotHold) {
  const TemporaryFolder folder;
  const auto write = [&](const Dataset& dataset) { return [&] { write_cifar10(dataset, folder / "set", false); }; };
  Dataset many = tiny_set(32, 1), oblong = many, empty = many;
  many.class_names.resize(257);
  oblong.test.width = 16;
  empty.test = {};
  expect_error(write(many), {"2 to 256 classes", "found 257"});
  expect_error(write(oblong), {"square", "32 x 16"});
  expect_error(write(empty), {"2 and 0"});
  EXPECT_FALSE(std::filesystem::exists(folder / "set"));
}

TEST(WriteCifar10, AFullDiskLeavesTheOldFiles) {
  const TemporaryFolder folder;
  write_cifar10(tiny_set(32, 4), folder.path(), false);
  const std::size_t entries = folder.entries();
  {
    const FailingDisk disk(1000);
    expect_error([&] { write_cifar10(tiny_set(32, 5), folder.path(), true); }, {"data_batch_1.bin", "File too large"});
  }
  EXPECT_EQ(folder.entries(), entries);
  EXPECT_EQ(load_dataset(folder.path()).train.pixels, tiny_set(32, 4).train.pixels);
}

TEST(LoadDataset, SaysWhatIsNotADataset) {
  const TemporaryFolder folder;
  write_file(folder / "notes.txt", "hello");
  expect_error([&] { load_dataset(folder / "none"); }, {"none", "does not exist"});
  expect_error([&] { load_dataset(folder / "notes.txt"); }, {"notes.txt", "expected a folder, found a file"});
  expect_error([&] { load_dataset(folder.path()); }, {"data_batch_1.bin", "train.bin", "found 0 folders"});
}

TEST(Images, FirstTakesAPrefix) {
  const Images images = load_dataset({}, {.synthetic_train = 12, .synthetic_test = 1}).train;
  const Images part = images.first(5);
  EXPECT_EQ(part.count, 5);
  EXPECT_EQ(part.labels, (std::vector<std::int32_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(std::equal(part.pixels.begin(), part.pixels.end(), images.pixels.begin()));
  EXPECT_EQ(part.pixels.size(), 5u * 3072);
  EXPECT_EQ(images.first(0).count, 0);
  expect_error([&] { images.first(13); }, {"first 13", "of 12"});
  expect_error([&] { images.first(-1); }, {"first -1"});
}

TEST(RealCifar10, HasItsCountsAndStatistics) {
  const char* folder = std::getenv("BASIN_CIFAR10");
  if (!folder) GTEST_SKIP() << "set BASIN_CIFAR10 to the folder of the CIFAR-10 binary files to run this test";
  const Dataset dataset = load_dataset(folder);
  EXPECT_EQ(dataset.name, "cifar10");
  EXPECT_EQ(dataset.train.count, 50'000);
  EXPECT_EQ(dataset.test.count, 10'000);
  for (std::int32_t c = 0; c < 10; ++c) {
    EXPECT_EQ(std::count(dataset.train.labels.begin(), dataset.train.labels.end(), c), 5000);
    EXPECT_EQ(std::count(dataset.test.labels.begin(), dataset.test.labels.end(), c), 1000);
  }
  // The recipe's constants are the means of the training set: channels in the right order.
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0;
    for (std::size_t i = c; i < dataset.train.pixels.size(); i += 3) sum += dataset.train.pixels[i];
    EXPECT_NEAR(sum / (50'000.0 * 1024) / 255, double{dataset.normalization.mean[c]}, 0.1 / 255);
  }
}

}  // namespace
}  // namespace basin
