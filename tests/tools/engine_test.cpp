// `basin surface` and `basin evaluate` by each engine and in each precision.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "landscape/append_log.h"
#include "landscape/engines.h"
#include "landscape/surface_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

class EngineFlags : public ::testing::Test {
 protected:
  CommandResult run(const std::string& command, const std::string& flags) const {
    return run_command(folder_.path(), command + " net.safetensors --data data --json " + flags);
  }
  CommandResult surface(const std::string& flags) const { return run("surface", "--x=-1:1:3 " + flags); }

  // A surface that was begun with the flags `first` cannot go on with `second`: neither a finished one nor a log, as a
  // killed run leaves it.
  void expect_refused(const std::string& first, const std::string& second, const std::string& difference) const {
    const std::string line = "another configuration; " + difference;
    ASSERT_EQ(surface(first + " --force --out s.h5").status, 0);
    const CommandResult finished = surface(second + " --out s.h5");
    EXPECT_EQ(finished.status, 1);
    EXPECT_NE(finished.errors.find(line), std::string::npos) << finished.errors;
    const std::string configuration = read_surface(folder_ / "s.h5").attributes.at("configuration");
    std::filesystem::remove(folder_ / "s.h5");
    AppendLog(folder_ / "s.h5.log", configuration, 3, 10);
    const CommandResult killed = surface(second + " --out s.h5");
    EXPECT_EQ(killed.status, 1);
    EXPECT_NE(killed.errors.find(line), std::string::npos) << killed.errors;
  }

  NetworkFolder folder_;
};

TEST_F(EngineFlags, EveryOutputNamesEngineAndPrecision) {
  for (const Engine& engine : cpu_engines()) {
    for (const LandscapePrecision precision : {LandscapePrecision::exact, LandscapePrecision::fast}) {
      const std::string flags = "--engine " + engine.name + " --precision " + name_of(precision);
      const CommandResult evaluated = run("evaluate", flags), mapped = surface(flags + " --force --out s.h5");
      if (const std::string obstacle = obstacle_of(engine); !obstacle.empty()) {
        for (const CommandResult& result : {evaluated, mapped}) {
          EXPECT_EQ(result.status, 1);
          EXPECT_EQ(result.errors, "error: engine " + engine.name + ": " + obstacle + "\n");
        }
        continue;
      }
      const std::string computed = precision == LandscapePrecision::exact ? engine.exact : engine.fast;
      ASSERT_EQ(evaluated.status, 0) << evaluated.errors;
      ASSERT_EQ(mapped.status, 0) << mapped.errors;
      for (const std::string& output : {evaluated.output, mapped.output}) {
        EXPECT_EQ(Json::parse(output)["engine"], engine.name);
        EXPECT_EQ(Json::parse(output)["precision"], computed);
      }
      const Surface file = read_surface(folder_ / "s.h5");
      EXPECT_EQ(file.attributes.at("engine"), engine.name);
      EXPECT_EQ(file.attributes.at("precision"), computed);
      EXPECT_EQ(Json::parse(file.attributes.at("configuration"))["precision"], computed);
      EXPECT_NE(mapped.errors.find(computed), std::string::npos) << "the configuration is printed: " << mapped.errors;
    }
  }
}

TEST_F(EngineFlags, AutoIsTheEngineThatDoctorNames) {
  const Json doctor = Json::parse(run_command(folder_.path(), "doctor --json").output);
  const CommandResult result = surface("--out s.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(Json::parse(result.output)["engine"], doctor["engine"]);
  EXPECT_EQ(Json::parse(result.output)["precision"], doctor["precision"]);
}

TEST_F(EngineFlags, ARunIsNotResumedByAnotherArithmetic) {
  expect_refused("--engine onednn", "--engine autograd", R"(engine: expected "autograd", found "onednn")");
  for (const Engine& engine : cpu_engines()) {
    if (!obstacle_of(engine).empty() || engine.exact == engine.fast) continue;
    const std::string flag = "--engine " + engine.name + " --precision ";
    expect_refused(flag + "exact", flag + "fast",
                   "precision: expected \"" + engine.fast + "\", found \"" + engine.exact + "\"");
  }
}

}  // namespace
}  // namespace basin
