// `basin sharpness` as a user starts it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "landscape/sharpness/sharpness_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

// The last layer alone moves, a little: its gradients are cheap.
class SharpnessCommand : public ::testing::Test {
 protected:
  CommandResult run(const std::string& flags, const std::string& before = "") const {
    const bool parameters = flags.find("--parameters") != std::string::npos;
    return run_command(folder_.path(),
                       "sharpness net.safetensors --data data --images 8 --gradients 4 --samples 3 " +
                           std::string(parameters ? "" : "--parameters linear ") + flags,
                       before);
  }
  void expect_refused(const std::string& flags, const std::string& line, int status = 1) const {
    const CommandResult result = run(flags);
    EXPECT_EQ(result.status, status) << flags;
    EXPECT_EQ(result.errors.find('\n'), result.errors.size() - 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  NetworkFolder folder_;
};

std::map<std::string, SharpnessMeasure> by_name(const SharpnessReport& report) {
  std::map<std::string, SharpnessMeasure> measures;
  for (const SharpnessMeasure& measure : report.measures) measures[measure.name] = measure;
  return measures;
}

TEST_F(SharpnessCommand, MeasuresAll) {
  const CommandResult result =
      run("--measures keskar,sam,asam,expected,entropy --subspace 5 --entropy-steps 4 --json --out s.json");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Json json = Json::parse(result.output);
  EXPECT_EQ(json["parameters"], 650);
  const SharpnessReport report = read_sharpness(folder_ / "s.json");
  EXPECT_EQ(json["measures"].size(), report.measures.size());
  EXPECT_EQ(report.attributes.at("model"), "resnet20");
  const auto found = by_name(report);
  ASSERT_EQ(found.size(), 12u);
  for (const char* name : {"keskar", "keskar-subspace", "sam", "sam-refined", "asam", "asam-refined", "asam-filter",
                           "asam-filter-refined"})
    EXPECT_GT(found.at(name).value, 0) << name;
  for (const char* name : {"sam", "asam", "asam-filter"})
    EXPECT_GE(found.at(std::string(name) + "-refined").value, found.at(name).value - 1e-6) << name;
  // A linear layer has no filters: both adaptive balls are of its elements.
  EXPECT_NEAR(found.at("asam").value / found.at("asam-filter").value, 10, 3);
  EXPECT_EQ(found.at("expected").error_kind, "standard error over pairs");
  EXPECT_GT(found.at("expected").error, 0);
  // Cross-entropy is convex in the last layer.
  EXPECT_GT(found.at("expected").value, -1e-6);
  const SharpnessMeasure& entropy = found.at("local-entropy");
  EXPECT_EQ(entropy.settings.at("beta"), 8);
  EXPECT_NEAR(entropy.settings.at("soft_minimum"), found.at("loss").value, 0.5 * found.at("loss").value);
  EXPECT_GT(entropy.error, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s.json.log"));
}

TEST_F(SharpnessCommand, PrintsValuesWithTheirErrors) {
  const CommandResult result = run("--measures sam,expected --out s.json");
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_NE(result.output.find("sam-refined"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("(standard error over pairs; images: +- "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("next: basin hessian net.safetensors --data data"), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("keskar"), std::string::npos) << result.output;
}

TEST_F(SharpnessCommand, ASecondCallReadsWhatIsThere) {
  const CommandResult first = run("--measures sam --json --out s.json");
  ASSERT_EQ(first.status, 0) << first.errors;
  const std::string bytes = read_file(folder_ / "s.json");
  const CommandResult again = run("--measures sam --json --out s.json");
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.errors.find("holds this result already"), std::string::npos) << again.errors;
  EXPECT_EQ(again.output, first.output);
  expect_refused("--measures sam --rho 0.1 --out s.json", "another configuration; rho: expected 0.1, found 0.05");
  EXPECT_EQ(run("--measures sam --rho 0.1 --force --out s.json").status, 0);
  EXPECT_NE(read_file(folder_ / "s.json"), bytes);
  // What a measure does not depend on makes no other configuration.
  EXPECT_EQ(run("--measures sam --rho 0.1 --sigma 3 --out s.json").status, 0);
}

// A run that is stopped again and again keeps what it has measured, and ends with the same bytes.
TEST_F(SharpnessCommand, GoesOnAfterAnInterruption) {
  const std::string flags = "--measures sam,asam,expected --starts 6 --quiet --out ";
  ASSERT_EQ(run(flags + "whole.json").status, 0);
  int interruptions = 0;
  CommandResult result;
  for (double seconds = 0.1; seconds < 60; seconds *= 1.2) {  // the first turns are too short
    result = run(flags + "parts.json", "timeout --preserve-status -s INT " + std::to_string(seconds));
    if (result.status == 0) break;
    interruptions += result.errors.find("parts are kept; to go on: basin sharpness net") != std::string::npos;
  }
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_GT(interruptions, 0);
  EXPECT_EQ(read_file(folder_ / "parts.json"), read_file(folder_ / "whole.json"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "parts.json.log"));
}

TEST_F(SharpnessCommand, DoubleAndSinglePrecisionAgree) {
  const CommandResult single = run("--measures sam,keskar --subspace 0 --json --out f.json"),
                      twice = run("--measures sam,keskar --subspace 0 --double --json --out d.json");
  ASSERT_EQ(single.status, 0) << single.errors;
  ASSERT_EQ(twice.status, 0) << twice.errors;
  const auto rounded = by_name(read_sharpness(folder_ / "f.json")), exact = by_name(read_sharpness(folder_ / "d.json"));
  for (const char* name : {"sam", "keskar"})
    EXPECT_NEAR(rounded.at(name).value, exact.at(name).value, 1e-3 * exact.at(name).value) << name;
}

TEST_F(SharpnessCommand, OneLineForWhatMakesNoSense) {
  expect_refused("--measures sam,kesker --out s.json",
                 "--measures: expected keskar, sam, asam, expected or entropy, found 'kesker'; did you mean keskar?");
  expect_refused("--measures sam, --out s.json", "--measures: expected keskar");
  expect_refused("--parameters liner --out s.json", "no parameter's name begins with 'liner'; did you mean linear?");
  expect_refused("--split both --out s.json", "--split both: sharpness is of one set");
  expect_refused("--subspace 651 --out s.json", "--subspace: expected 0 to 650, the parameters that move; found 651");
  expect_refused("--out net.safetensors", "is read by this run");
  expect_refused("--out data/data_batch_1.bin", "is no result of Basin");
  expect_refused("--quiet --out none/s.json", "cannot write 'none/s.json.log'");
  expect_refused("--rho 0 --out s.json", "expected a number above 0, found '0'", 2);
  expect_refused("--sigma=-1 --out s.json", "expected a number above 0, found '-1'", 2);
  expect_refused("--entropy-steps 3 --out s.json", "expected 4 or more, found '3'", 2);
  expect_refused("--samples many --out s.json", "expected an integer, found 'many'", 2);
  expect_refused("--roh 1 --out s.json", "unknown flag --roh; did you mean --rho?", 2);
}

}  // namespace
}  // namespace basin
