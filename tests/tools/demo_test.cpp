// `basin demo` at its smallest.
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

constexpr const char* kSmallest = "demo --images 128 --epochs 1 --surface-images 16 --points ";

TEST(Demo, DrawsAndReusesWhatIsDone) {
  const TemporaryFolder folder;
  const CommandResult first = run_command(folder.path(), kSmallest + std::string("3"));
  ASSERT_EQ(first.status, 0) << first.errors;
  const auto demo = folder / "demo";
  EXPECT_EQ(read_file(demo / "landscape.png").substr(1, 3), "PNG");
  for (const char* text : {"flat", "sharp", "basin train", "demo/landscape.png"})
    EXPECT_NE(first.output.find(text), std::string::npos) << text;
  const std::string network = read_file(demo / "resnet20" / "checkpoints" / "last.safetensors");
  const std::string surface = read_file(demo / "resnet20-noshort.h5");

  // A finer grid: the networks stay, the surfaces do not.
  const CommandResult finer = run_command(folder.path(), kSmallest + std::string("5"));
  ASSERT_EQ(finer.status, 0) << finer.errors;
  EXPECT_NE(finer.errors.find("starting over"), std::string::npos);
  EXPECT_EQ(read_file(demo / "resnet20" / "checkpoints" / "last.safetensors"), network);
  EXPECT_NE(read_file(demo / "resnet20-noshort.h5"), surface);

  // The same again: nothing is left to do.
  const CommandResult again = run_command(folder.path(), kSmallest + std::string("5"));
  ASSERT_EQ(again.status, 0) << again.errors;
  EXPECT_EQ(again.errors.find("starting over"), std::string::npos) << again.errors;
  EXPECT_NE(again.errors.find("holds this surface already"), std::string::npos) << again.errors;
}

}  // namespace
}  // namespace basin
