// `basin compare` and `basin paper`, recipes of other commands.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "landscape/hessian/hessian_file.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class CompareCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new NetworkFolder("resnet8");
    for (const char* run : {"sgd --optimizer sgd", "adam --optimizer adam"}) {
      const CommandResult trained =
          run_command(folder_->path(),
                      "train --model resnet8 --data data --epochs 3 --batch 8 --lr 0.01 --save-every 1 "
                      "--quiet --out runs/" +
                          std::string(run));
      ASSERT_EQ(trained.status, 0) << trained.errors;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static CommandResult run(const std::string& arguments) { return run_command(folder_->path(), arguments); }
  static void expect_refused(const std::string& arguments, const std::string& line) {
    const CommandResult result = run(arguments);
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }
  static double metric(const Json& network, const std::string& name) {
    for (const Json& m : network["metrics"])
      if (m["name"] == name) return m["value"].get<double>();
    ADD_FAILURE() << "no " << name << " in " << network.dump();
    return 0;
  }

  static NetworkFolder* folder_;
};
NetworkFolder* CompareCommand::folder_ = nullptr;

TEST_F(CompareCommand, ATableOfWhatTheFilesSay) {
  const std::string flags =
      "compare runs/sgd runs/adam --data data --images 8 --points 5 --hessian-images 4 --map 2 --map-images 4 "
      "--no-sharpness --json --out report";
  const CommandResult result = run(flags);
  ASSERT_EQ(result.status, 0) << result.errors;
  const Json table = Json::parse(result.output);
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[1]["name"], "adam");
  EXPECT_EQ(table[1]["recipe"]["optimizer"], "adam");
  for (const Json& network : table) {
    const std::string name = network["name"];
    const Surface surface = read_surface(*folder_ / "report" / (name + ".surface.h5"));
    EXPECT_EQ(metric(network, "train_loss"), surface.train->loss[12]);
    EXPECT_EQ(metric(network, "test_error"), 100 - surface.test->accuracy[12]);
    EXPECT_EQ(metric(network, "loss_max"), *std::max_element(surface.train->loss.begin(), surface.train->loss.end()));
    const HessianReport hessian = read_hessian(*folder_ / "report" / (name + ".hessian.h5"));
    EXPECT_EQ(metric(network, "lambda_max"), hessian.largest[0].numerical.value);
    EXPECT_EQ(metric(network, "trace"), hessian.trace->estimate().value);
    const Trajectory path = read_trajectory(*folder_ / "report" / (name + ".trajectory.h5"));
    EXPECT_EQ(metric(network, "path_variance_in_2"), 100 * (path.variance_ratio[0] + path.variance_ratio[1]));
    EXPECT_TRUE(fs::exists(*folder_ / "report" / (name + ".trajectory.png")));
    EXPECT_GE(metric(network, "map_ratio_max"), metric(network, "map_ratio_median"));
  }
  // Matched directions: the same raw numbers under the same names.
  const auto directions = [](const char* name) {
    return Json::parse(read_surface(*folder_ / "report" / name).attributes.at("configuration"))["directions"];
  };
  EXPECT_EQ(directions("sgd.surface.h5"), directions("adam.surface.h5"));
  const std::string report = read_file(*folder_ / "report/report.md");
  for (const char* part :
       {"| optimizer | sgd | adam |", "![contours.png]", "![maps.png]", "basin surface runs/sgd/", " ± "})
    EXPECT_NE(report.find(part), std::string::npos) << part;
  EXPECT_EQ(read_file(*folder_ / "report/metrics.csv")
                .find("network,metric,value,error,unit,error_kind\n\"sgd\",train_loss,"),
            0u);
  // Again: nothing is computed twice, and the table is the same.
  const CommandResult again = run(flags);
  EXPECT_EQ(again.output, result.output);
  EXPECT_NE(again.errors.find("holds this surface already"), std::string::npos) << again.errors;
}

TEST_F(CompareCommand, ADryRunSaysWhatItWouldDo) {
  const CommandResult result = run("compare runs/sgd net.safetensors --names a,b --data data --dry-run --out nothing");
  ASSERT_EQ(result.status, 0) << result.errors;
  EXPECT_NE(result.output.find("basin surface net.safetensors --split both"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("nothing/b.hessian.h5"), std::string::npos);
  EXPECT_EQ(result.output.find("nothing/b.trajectory.h5"), std::string::npos) << "a checkpoint alone has no path";
  EXPECT_FALSE(fs::exists(*folder_ / "nothing"));
}

TEST_F(CompareCommand, OneLineForWhatMakesNoSense) {
  expect_refused("compare runs/sgd --out r", "expected at least 2 networks, found 1");
  expect_refused("compare runs/sgd runs/none --out r",
                 "'runs/none': expected a run's folder or a checkpoint, found nothing");
  expect_refused("compare runs/sgd data --out r",
                 "expected a run's folder, found no data/checkpoints/last.safetensors");
  expect_refused("compare runs/sgd runs/sgd --out r", "two networks are named 'sgd'; give --names");
  expect_refused("compare runs/sgd runs/adam --names a --out r", "--names: expected 2 names, found 1");
  expect_refused("paper fig10", "unknown figure 'fig10'; did you mean fig1?");
  expect_refused("paper fig1 --scale tiny", "--scale: expected small or full, found 'tiny'");
}

TEST_F(CompareCommand, AFailingStepEndsIt) {
  const CommandResult result = run("compare runs/sgd runs/adam --data data --images 9999 --out bad");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.errors.find("error: step 1 of"), std::string::npos) << result.errors;
  EXPECT_NE(result.errors.find("the train split has 24"), std::string::npos) << result.errors;
  EXPECT_FALSE(fs::exists(*folder_ / "bad/report.md"));
}

TEST_F(CompareCommand, EveryFigureIsARecipe) {
  for (const char* name : {"fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig9", "table1"})
    for (const char* scale : {"small", "full"}) {
      const CommandResult result = run("paper " + std::string(name) + " --dry-run --scale " + scale);
      ASSERT_EQ(result.status, 0) << result.errors;
      EXPECT_NE(result.output.find("basin train --model "), std::string::npos);
      EXPECT_EQ(result.output.find("basin plot ") == std::string::npos, std::string(name) == "table1") << name;
      const bool shrinks = result.errors.find("of 50,000 training images") != std::string::npos;
      EXPECT_EQ(shrinks, std::string(scale) == "small") << "small says what it shrinks";
    }
}

// The whole of one, on the synthetic images.
TEST_F(CompareCommand, FigureEight) {
  const CommandResult result = run("paper fig8 --json --out paper");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Json json = Json::parse(result.output);
  ASSERT_EQ(json["pictures"].size(), 2u);
  for (const Json& picture : json["pictures"])
    EXPECT_EQ(read_file(*folder_ / picture.get<std::string>()).substr(1, 3), "PNG");
  EXPECT_EQ(json["test_errors"][0]["run"], "vgg9-sgd-128-5e-4");
  // Random directions hold next to nothing of a path.
  const Trajectory path = read_trajectory(*folder_ / "paper/small/vgg9-sgd-128-5e-4.random-path.h5");
  ASSERT_GE(path.points.size(), 3u);
  EXPECT_GT(path.points[0].projection.distance, 0.99 * path.points[0].projection.length);
}

}  // namespace
}  // namespace basin
