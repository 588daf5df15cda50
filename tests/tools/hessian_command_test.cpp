// `basin hessian` as a user starts it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "landscape/direction_file.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "landscape/surface_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

// The last layer alone moves: its Hessians are cheap.
class HessianCommand : public ::testing::Test {
 protected:
  CommandResult run(const std::string& flags) const {
    const bool parameters = flags.find("--parameters") != std::string::npos;
    return run_command(folder_.path(), "hessian net.safetensors --data data --images 8 " +
                                           std::string(parameters ? "" : "--parameters linear ") + flags);
  }
  void expect_refused(const std::string& flags, const std::string& line) const {
    const CommandResult result = run(flags);
    EXPECT_EQ(result.status, 1) << flags;
    EXPECT_EQ(result.errors.find('\n'), result.errors.size() - 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  NetworkFolder folder_;
};

TEST_F(HessianCommand, FindsAllOfASpectrum) {
  const CommandResult result =
      run("--top 2 --bottom 1 --trace 9 --density 2 --density-steps 6 --vectors v.h5 --json --out h.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Json json = Json::parse(result.output);
  ASSERT_EQ(json["largest"].size(), 2u);
  const double largest = json["largest"][0]["value"];
  EXPECT_GT(largest, json["largest"][1]["value"]);
  EXPECT_LE(json["largest"][0]["residual"], 1e-3 * largest);
  EXPECT_EQ(json["parameters"], 650);
  // Cross-entropy is convex in the last layer.
  EXPECT_NEAR(json["smallest"][0]["value"], 0, 2e-3 * largest);
  EXPECT_GE(json["trace"]["value"], largest);
  const HessianReport report = read_hessian(folder_ / "h.h5");
  EXPECT_EQ(report.largest[0].numerical.value, largest);
  EXPECT_EQ(report.probes.size(), 2u);
  EXPECT_EQ(report.trace->samples.size(), 3u);
  EXPECT_EQ(report.attributes.at("model"), "resnet20");
  const Checkpoint network = load_checkpoint(folder_ / "net.safetensors", "", cpu_backend());
  const DirectionPair vectors = read_directions(folder_ / "v.h5", network.state);
  EXPECT_NEAR(norm(vectors.x), 1, 1e-5);
  EXPECT_NEAR(cosine(vectors.x, *vectors.y), 0, 1e-4);
  // The loss along the eigenvector has its eigenvalue as curvature.
  const CommandResult line = run_command(
      folder_.path(),
      "line net.safetensors --data data --images 8 --engine autograd --direction-file v.h5 --x=-0.005:0.005:3 "
      "--out l.h5 --quiet");
  ASSERT_EQ(line.status, 0) << line.errors;
  const std::vector<double> loss = read_surface(folder_ / "l.h5").train->loss;
  EXPECT_NEAR((loss[0] - 2 * loss[1] + loss[2]) / 2.5e-5, largest, 0.05 * largest);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "h.h5.log"));
}

TEST_F(HessianCommand, ASecondCallReadsWhatIsThere) {
  ASSERT_EQ(run("--trace 0 --out h.h5").status, 0);
  const CommandResult again = run("--trace 0 --out h.h5");
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.errors.find("holds this result already"), std::string::npos) << again.errors;
  expect_refused("--trace 0 --seed 2 --out h.h5", "another configuration; seed: expected 2, found 1");
  EXPECT_EQ(run("--trace 0 --seed 2 --force --out h.h5").status, 0);
}

TEST_F(HessianCommand, DoubleAndSinglePrecisionAgree) {
  const CommandResult single = run("--trace 0 --tolerance 1e-4 --json --out f.h5"),
                      twice = run("--trace 0 --tolerance 1e-4 --double --json --out d.h5");
  ASSERT_EQ(single.status, 0) << single.errors;
  ASSERT_EQ(twice.status, 0) << twice.errors;
  const double expected = Json::parse(twice.output)["largest"][0]["value"];
  EXPECT_NEAR(Json::parse(single.output)["largest"][0]["value"], expected, 1e-4 * expected);
}

TEST_F(HessianCommand, Map) {
  const CommandResult result = run("--x=-0.5:0.5:3 --y=0:0.5:2 --json --out m.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Json json = Json::parse(result.output);
  EXPECT_EQ(json["points"], 6);
  EXPECT_EQ(json["not_converged"], 0);
  const HessianMap map = read_hessian_map(folder_ / "m.h5");
  EXPECT_EQ(map.valid, std::vector<std::uint8_t>(6, 1));
  const CommandResult point = run("--trace 0 --json --out p.h5");
  const double at_center = Json::parse(point.output)["largest"][0]["value"];
  EXPECT_NEAR(map.largest.value[1], at_center, 2e-2 * at_center);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "m.directions.h5"));
}

TEST_F(HessianCommand, OneLineForWhatMakesNoSense) {
  expect_refused("--parameters liner --out h.h5", "no parameter's name begins with 'liner'; did you mean linear?");
  expect_refused("--split both --out h.h5", "--split both: a Hessian is of one set");
  expect_refused("--y=0:1:2 --out h.h5", "--y: give the first axis too, --x");
  expect_refused("--x=0:1:2 --top 2 --out h.h5", "--top: is of the spectrum at one point");
  expect_refused("--norm layer --out h.h5", "--norm: is of a map");
  expect_refused("--top 0 --bottom 0 --trace 0 --out h.h5", "nothing is asked for");
  expect_refused("--trace-method hutch --out h.h5", "expected hutch++ or hutchinson, found 'hutch'");
  expect_refused("--out net.safetensors", "is read by this run");
  expect_refused("--out data/data_batch_1.bin", "is no result of Basin");
}

}  // namespace
}  // namespace basin
