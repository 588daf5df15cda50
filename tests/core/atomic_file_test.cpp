#include "core/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "core/hash.h"
#include "tests/expect_error.h"
#include "tests/failing_disk.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(AtomicFile, WritesAndReadsBytes) {
  const TemporaryFolder folder;
  const std::string contents("a\0b\nc", 5);
  write_file(folder / "file", contents);
  EXPECT_EQ(read_file(folder / "file"), contents);
  write_file(folder / "file", "");
  EXPECT_EQ(read_file(folder / "file"), "");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, WritesInPieces) {
  const TemporaryFolder folder;
  std::string expected;
  AtomicFile file(folder / "file");
  for (int i = 0; i < 1000; ++i) {
    file.write(std::to_string(i));
    expected += std::to_string(i);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
  file.commit();
  EXPECT_EQ(read_file(folder / "file"), expected);
}

TEST(AtomicFile, WithoutCommitTheOldFileStays) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write("new");
  }
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, AFailedWriteNamesPathAndReasonAndKeepsTheOldFile) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  {
    const FailingDisk disk(1000);
    expect_error([&] { write_file(folder / "file", std::string(2000, 'x')); },
                 {"cannot write '" + (folder / "file").string() + "': File too large"});
  }
  EXPECT_EQ(read_file(folder / "file"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, AFullDeviceIsAnErrorAndStaysADevice) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  expect_error([] { write_file("/dev/full", "x"); }, {"cannot write '/dev/full': No space left on device"});
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST(AtomicFile, ImpossiblePlacesAreErrors) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  expect_error([&] { write_file(folder / "absent/file", "x"); }, {"cannot write", "absent/file", "No such file"});
  expect_error([&] { write_file(folder / "file/inside", "x"); }, {"cannot write", "Not a directory"});
  expect_error([&] { write_file(folder.path(), "x"); }, {"cannot write", "Is a directory"});
  expect_error([&] { read_file(folder.path()); }, {"cannot read", "Is a directory"});
  expect_error([&] { read_file(folder / "absent"); }, {"cannot read", "absent", "No such file"});
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, AReadOnlyFolderIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TemporaryFolder folder;
  ::chmod(folder.path().c_str(), 0500);
  expect_error([&] { write_file(folder / "file", "x"); }, {"cannot write", "Permission denied"});
  ::chmod(folder.path().c_str(), 0700);
}

TEST(AtomicFile, FollowsLinksAndKeepsPermissions) {
  const TemporaryFolder folder;
  write_file(folder / "file", "old");
  ::chmod((folder / "file").c_str(), 0640);
  std::filesystem::create_symlink("file", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "file"), "new");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, AcceptsTheLongestName) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  write_file(folder / name, "x");
  EXPECT_EQ(read_file(folder / name), "x");
}

TEST(AtomicFile, ReadsFilesThatHideTheirSize) {
  if (!std::filesystem::exists("/proc/self/status")) GTEST_SKIP() << "no /proc here";
  EXPECT_NE(read_file("/proc/self/status").find("Pid:"), std::string::npos);
}

// FIPS 180-4 example values.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, AFileInPiecesEqualsItsBytes) {
  const TemporaryFolder folder;
  std::string contents;
  for (int i = 0; i < 500'000; ++i) contents += std::to_string(i);  // several pieces of 1 MiB
  write_file(folder / "file", contents);
  EXPECT_EQ(sha256_file(folder / "file"), sha256(contents));
  expect_error([&] { sha256_file(folder / "absent"); }, {"cannot read", "absent"});
}

}  // namespace
}  // namespace basin
