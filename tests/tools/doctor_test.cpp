#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "landscape/engines.h"
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
  // Only a build with the CUDA back end computes on a GPU; what keeps it from that is said.
  const auto& cuda = json["cuda"];
  EXPECT_TRUE(json["cuda_backend"].get<bool>() || !cuda["usable"].get<bool>());
  EXPECT_EQ(cuda["usable"].get<bool>(), cuda["obstacle"].is_null());
  EXPECT_EQ(json["device"] == "cpu", !cuda["usable"].get<bool>());
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
  const auto json = nlohmann::json::parse(run_command(folder.path(), "doctor --json").output);
  EXPECT_EQ(result.output.find("\nCUDA           not in this build") != std::string::npos,
            !json["cuda_backend"].get<bool>());
  EXPECT_NE(result.output.find("\ndevice         " + json["device"].get<std::string>() + " with --device auto"),
            std::string::npos)
      << result.output;
}

TEST(Doctor, SaysWhichEngineSurfacesUse) {
  const TemporaryFolder folder;
  const auto json = nlohmann::json::parse(run_command(folder.path(), "doctor --json").output);
  const auto& obstacle = json["cuda"]["obstacle"];
  const std::vector<EngineReport> reports =
      report_engines(engines(), obstacle.is_null() ? "" : obstacle.get<std::string>());
  EXPECT_EQ(json["engine"], reports[0].name);
  EXPECT_EQ(json["precision"], reports[0].exact);
  ASSERT_EQ(json["engines"].size(), reports.size());
  const std::string text = run_command(folder.path(), "doctor").output;
  EXPECT_NE(text.find("\nengine         " + reports[0].name + ", " + reports[0].exact), std::string::npos) << text;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(json["engines"][i]["name"], reports[i].name);
    EXPECT_EQ(json["engines"][i]["reason"], reports[i].reason);
    EXPECT_NE(text.find(reports[i].reason), std::string::npos) << text;
  }
}

TEST(Doctor, NamesWhatIsHidden) {
  const TemporaryFolder folder;
  const auto json = nlohmann::json::parse(run_command(folder.path(), "doctor --json", "BASIN_HIDE_CPU=avx2").output);
  EXPECT_EQ(json["hidden_instructions"], "avx2");
  EXPECT_TRUE(json["instructions"].empty()) << json["instructions"];
  EXPECT_FALSE(json["bf16_training"].get<bool>());
  const std::string text = run_command(folder.path(), "doctor", "BASIN_HIDE_CPU=avx2").output;
  EXPECT_NE(text.find("BASIN_HIDE_CPU=avx2"), std::string::npos) << text;
}

}  // namespace
}  // namespace basin
