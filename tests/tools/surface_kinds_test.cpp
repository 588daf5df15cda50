// `basin surface` and `line` along several pairs of directions, adaptively, and of each class.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "landscape/surface_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

class SurfaceKinds : public ::testing::Test {
 protected:
  CommandResult run(const std::string& arguments) const {
    return run_command(folder_.path(), arguments + " net.safetensors --data data --images 8 --json --quiet");
  }
  Surface surface(const std::string& flags, const std::string& file = "s.h5") const {
    const CommandResult result = run("surface --x=-1:1:5 --y=-1:1:3 --out s.h5 " + flags);
    EXPECT_EQ(result.status, 0) << result.errors;
    return read_surface(folder_ / file);
  }
  void expect_refused(const std::string& arguments, const std::string& line) const {
    const CommandResult result = run(arguments);
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  NetworkFolder folder_{"resnet8"};
};

TEST_F(SurfaceKinds, SeveralPairsAndTheirMean) {
  const Surface mean = surface("--pairs 3");
  std::vector<Surface> pairs;
  for (const char* file : {"s.pair0.h5", "s.pair1.h5", "s.pair2.h5"}) pairs.push_back(read_surface(folder_ / file));
  for (std::size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    for (const Surface& pair : pairs) sum += pair.train->loss[i] / 3;
    EXPECT_NEAR(mean.train->loss[i], sum, 1e-12 * sum);
  }
  EXPECT_EQ(pairs[0].train->loss[7], pairs[1].train->loss[7]);  // the centre
  EXPECT_NE(pairs[0].train->loss[0], pairs[1].train->loss[0]);
  // The third pair is that of indices 4 and 5.
  ASSERT_EQ(run("surface --x=-1:1:5 --y=-1:1:3 --x-index 4 --y-index 5 --out alone.h5").status, 0);
  EXPECT_EQ(read_surface(folder_ / "alone.h5").train->loss, pairs[2].train->loss);
  const Json metrics = Json::parse(mean.attributes.at("metrics"))["train"];
  EXPECT_EQ(metrics[0]["error_kind"], "pairs of directions");
  // Again with more: those that are there are not computed again, but --out holds the mean of three.
  const CommandResult more = run("surface --x=-1:1:5 --y=-1:1:3 --out s.h5 --pairs 4");
  EXPECT_EQ(more.status, 1);
  EXPECT_NE(more.errors.find("another configuration; pairs"), std::string::npos) << more.errors;
}

TEST_F(SurfaceKinds, LinesAlongSeveralDirections) {
  const CommandResult result = run("line --x=-1:1:5 --pairs 2 --out l.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(Json::parse(result.output)["pairs"], (Json{"l.pair0.h5", "l.pair1.h5"}));
  EXPECT_EQ(read_surface(folder_ / "l.h5").further.at("train_loss_max").size(), 5u);
  expect_refused("line --x=0:1:3 --to net.safetensors --pairs 2 --out l2.h5", "--pairs: of random directions");
  expect_refused("surface --x=0:1:3 --y=0:1:3 --adaptive --pairs 2 --out l2.h5",
                 "--pairs: not together with --adaptive");
}

TEST_F(SurfaceKinds, LossesOfEachClass) {
  const Surface plain = surface("--split both"), split = surface("--split both --per-class --force");
  ASSERT_TRUE(split.train_classes && split.test_classes);
  ASSERT_EQ(split.train_classes->loss.size(), 10 * split.size());
  for (std::size_t i = 0; i < split.size(); ++i) {
    EXPECT_NEAR(split.train->loss[i], plain.train->loss[i], 1e-6 * plain.train->loss[i]);
    double sum = 0, count = 0;  // eight images of the classes 0, 7, 4, 1, 8, 5, 2, 9
    for (std::size_t c = 0; c < 10; ++c)
      if (const double loss = split.train_classes->loss[c * split.size() + i]; !std::isnan(loss))
        sum += loss, count += 1;
    EXPECT_EQ(count, 8);
    EXPECT_NEAR(sum / count, plain.train->loss[i], 1e-6 * plain.train->loss[i]);
  }
  const Surface again = surface("--split both --per-class");
  EXPECT_EQ(again.train->loss, split.train->loss);
}

TEST_F(SurfaceKinds, AdaptiveGrids) {
  const std::string grid = "surface --x=-0.2:0.2:17 --y=-0.2:0.2:17 ";
  ASSERT_EQ(run(grid + "--adaptive --tolerance 0.3 --out a.h5").status, 0);
  ASSERT_EQ(run(grid + "--out whole.h5").status, 0);
  const Surface some = read_surface(folder_ / "a.h5"), all = read_surface(folder_ / "whole.h5");
  const auto computed = std::count(some.train->valid.begin(), some.train->valid.end(), 1);
  EXPECT_GE(computed, 9);
  EXPECT_LT(computed, 17 * 17);
  for (std::size_t i = 0; i < some.size(); ++i) {
    if (some.train->valid[i] != 0) {
      EXPECT_EQ(some.train->loss[i], all.train->loss[i]) << i;
    }
    EXPECT_TRUE(std::isfinite(some.further.at("train_loss_filled")[i]));
  }
  const CommandResult again = run_command(
      folder_.path(), grid + "net.safetensors --data data --images 8 --adaptive --tolerance 0.3 --out a.h5");
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.errors.find("holds this surface already"), std::string::npos) << again.errors;
  const CommandResult drawn = run_command(folder_.path(), "plot a.h5 --kind filled --out a.png --json");
  ASSERT_EQ(drawn.status, 0) << drawn.errors;
  EXPECT_EQ(Json::parse(drawn.output)["missing"], 0);
  expect_refused("surface --x=0:1:9 --adaptive --out b.h5", "expected a plane of at least 2 x 2 points");
}

}  // namespace
}  // namespace basin
