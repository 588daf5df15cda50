#include "data/archive.h"

#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "tests/data/tar_file.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(Unpack, WritesEveryFile) {
  const TemporaryFolder folder;
  const std::string large(300'000, 'x');
  write_tar_gz(folder / "a.tar.gz", {{"set/one.bin", large}, {"set/deep/two.txt", "two"}, {"empty", ""}});
  EXPECT_EQ(unpack(folder / "a.tar.gz", folder / "out", false).size(), 3u);
  EXPECT_EQ(read_file(folder / "out/set/one.bin"), large);
  EXPECT_EQ(read_file(folder / "out/set/deep/two.txt"), "two");
  EXPECT_EQ(read_file(folder / "out/empty"), "");
}

TEST(Unpack, KeepsDifferentFilesUnlessForced) {
  const TemporaryFolder folder;
  write_tar_gz(folder / "a.tar.gz", {{"one.txt", "new"}});
  unpack(folder / "a.tar.gz", folder / "out", false);
  unpack(folder / "a.tar.gz", folder / "out", false);  // the same: nothing to complain about
  write_file(folder / "out/one.txt", "mine");
  expect_error([&] { unpack(folder / "a.tar.gz", folder / "out", false); }, {"one.txt", "--force"});
  EXPECT_EQ(read_file(folder / "out/one.txt"), "mine");
  unpack(folder / "a.tar.gz", folder / "out", true);
  EXPECT_EQ(read_file(folder / "out/one.txt"), "new");
}

TEST(Unpack, StaysInItsFolder) {
  const TemporaryFolder folder;
  for (const std::string name : {"../evil", "/tmp/evil", "a/../../evil"}) {
    write_tar_gz(folder / "a.tar.gz", {{name, "evil"}});
    expect_error([&] { unpack(folder / "a.tar.gz", folder / "out", true); }, {"outside the folder", name});
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "evil"));
}

TEST(Unpack, RejectsDamagedArchives) {
  const TemporaryFolder folder;
  std::string noise(200'000, '\0');  // incompressible, so that cutting the archive cuts the file
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>((i * 2654435761u) >> 13);
  write_tar_gz(folder / "a.tar.gz", {{"one.bin", noise}});
  const std::string whole = read_file(folder / "a.tar.gz");
  write_file(folder / "cut.tar.gz", whole.substr(0, whole.size() / 2));
  write_file(folder / "text.tar.gz", "<html>not found</html>");
  write_file(folder / "empty.tar.gz", "");
  expect_error([&] { unpack(folder / "cut.tar.gz", folder / "out", false); }, {"cut.tar.gz"});
  expect_error([&] { unpack(folder / "text.tar.gz", folder / "out", false); },
               {"text.tar.gz", "expected a tar archive"});
  expect_error([&] { unpack(folder / "empty.tar.gz", folder / "out", false); }, {"empty.tar.gz"});
  expect_error([&] { unpack(folder / "none.tar.gz", folder / "out", false); }, {"none.tar.gz"});
  EXPECT_FALSE(std::filesystem::exists(folder / "out/one.bin"));
}

TEST(Unpack, AFullDiskLeavesNoPartOfAFile) {
  const TemporaryFolder folder;
  write_tar_gz(folder / "a.tar.gz", {{"one.bin", std::string(300'000, 'x')}});
  {
    const FailingDisk disk(100'000);
    expect_error([&] { unpack(folder / "a.tar.gz", folder / "out", false); }, {"one.bin", "File too large"});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

}  // namespace
}  // namespace basin
