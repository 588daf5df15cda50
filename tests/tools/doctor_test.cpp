#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/temporary_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

TEST(Doctor, ReportsTheMachineAsJson) {
  const TemporaryFolder folder;
  const CommandResult result = run_command(folder.path(), "doctor --json");
  ASSERT_EQ(result.status, 0) << result.errors;
  const auto json = nlohmann::json::parse(result.output);
  EXPECT_GE(json["threads"].get<int>(), 1);
  EXPECT_GT(json["memory_bytes"].get<std::int64_t>(), json["memory_available_bytes"].get<std::int64_t>());
  EXPECT_EQ(json["folder"], std::filesystem::canonical(folder.path()).string());
  EXPECT_EQ(json["engine"], "onednn");
  EXPECT_EQ(json["cuda_backend"], false);
  EXPECT_TRUE(json["ready"].get<bool>());
  EXPECT_FALSE(json["hdf5"].get<std::string>().empty());
  EXPECT_FALSE(json["onednn"]["version"].get<std::string>().empty());
  EXPECT_EQ(json["pictures"].get<bool>(), json["gnuplot"].is_string());
}

TEST(Doctor, SaysInWordsWhatToDoNext) {
  const TemporaryFolder folder;
  const CommandResult result = run_command(folder.path(), "doctor");
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_NE(result.output.find("\nnext: "), std::string::npos);
  EXPECT_NE(result.output.find("CUDA           not in this build"), std::string::npos);
}

}  // namespace
}  // namespace basin
