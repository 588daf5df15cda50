// `basin trajectory` as a user starts it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "landscape/direction_file.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

// Two short runs of a small network.
class TrajectoryCommand : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new NetworkFolder("resnet8");
    for (const char* run : {"a --seed 1", "b --seed 2"}) {
      const CommandResult trained =
          run_command(folder_->path(),
                      "train --model resnet8 --data data --epochs 3 --batch 8 --lr 0.02 --save-every 1 "
                      "--quiet --out " +
                          std::string(run));
      ASSERT_EQ(trained.status, 0) << trained.errors;
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  CommandResult run(const std::string& flags) const {
    return run_command(folder_->path(), "trajectory " + flags + " --data data --images 8 --json");
  }
  void expect_refused(const std::string& flags, const std::string& line) const {
    const CommandResult result = run(flags);
    EXPECT_EQ(result.status, 1) << flags;
    EXPECT_EQ(result.errors.find('\n'), result.errors.size() - 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  static NetworkFolder* folder_;
};
NetworkFolder* TrajectoryCommand::folder_ = nullptr;

TEST_F(TrajectoryCommand, OnePathAndItsSurface) {
  const CommandResult result = run("a --surface --points 3 --split both --out t.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Trajectory path = read_trajectory(*folder_ / "t.h5");
  ASSERT_EQ(path.points.size(), 4u);
  EXPECT_EQ(path.points[0].epoch, 0);
  EXPECT_EQ(path.points[3].epoch, 3);
  EXPECT_EQ(path.points[1].learning_rate, 0.02);
  EXPECT_NEAR(path.points[3].projection.length, 0, 1e-12);
  EXPECT_EQ(path.points[3].truth.train.loss, path.points[3].in_plane.train.loss);  // the centre
  EXPECT_GT(path.points[0].projection.length, 0);
  EXPECT_LE(path.points[0].projection.distance, path.points[0].projection.length);
  EXPECT_NEAR(path.variance_ratio[0] + path.variance_ratio[1] + path.variance_ratio[2], 1, 1e-6);
  EXPECT_EQ(path.random_walk_ratio.size(), 4u);
  const Surface surface = read_surface(*folder_ / "t.surface.h5");
  EXPECT_EQ(surface.size(), 9u);
  EXPECT_LT(surface.x.front(), path.points[3].projection.x);
  EXPECT_GT(surface.x.back(), path.points[0].projection.x);
  const Checkpoint last = load_checkpoint(*folder_ / "a/checkpoints/last.safetensors", "", cpu_backend());
  const DirectionPair plane = read_directions(*folder_ / "t.directions.h5", last.state);
  EXPECT_NEAR(norm(plane.x), 1, 1e-5);
  EXPECT_NEAR(cosine(plane.x, *plane.y), 0, 1e-5);
  EXPECT_EQ(plane.arrays.at("explained_variance_ratio_"), path.variance_ratio);
}

TEST_F(TrajectoryCommand, ThePathOfThreePointsLiesInItsPlane) {
  const CommandResult result =
      run("a/checkpoints/epoch_0000.safetensors a/checkpoints/epoch_0001.safetensors a/checkpoints/last.safetensors "
          "--type states --ignore none --out three.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  for (const TrajectoryPoint& point : read_trajectory(*folder_ / "three.h5").points) {
    EXPECT_LE(point.projection.distance, 1e-5 * (1 + point.projection.length));
    EXPECT_NEAR(point.in_plane.train.loss, point.truth.train.loss, 1e-4 * point.truth.train.loss);
  }
}

TEST_F(TrajectoryCommand, SeveralRunsShareAPlane) {
  const CommandResult result = run("a b --centering mean --out ab.h5");
  ASSERT_EQ(result.status, 0) << result.errors;
  const Trajectory both = read_trajectory(*folder_ / "ab.h5");
  ASSERT_EQ(both.points.size(), 8u);
  EXPECT_EQ(both.points[7].run, 1);
  EXPECT_TRUE(both.random_walk_ratio.empty());
  // The same plane, given.
  const CommandResult again = run("b --plane ab.directions.h5 --out b.h5");
  ASSERT_EQ(again.status, 0) << again.errors;
  EXPECT_TRUE(read_trajectory(*folder_ / "b.h5").variance_ratio.empty());
}

TEST_F(TrajectoryCommand, ASecondCallReadsWhatIsThere) {
  ASSERT_EQ(run("b --out once.h5").status, 0);
  const CommandResult again = run("b --out once.h5");
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.errors.find("holds this path already"), std::string::npos) << again.errors;
  expect_refused("b --every 2 --out once.h5", "another configuration; points");
}

TEST_F(TrajectoryCommand, OneLineForWhatMakesNoSense) {
  expect_refused("data --out x.h5", "expected a run's folder with checkpoints/");
  expect_refused("a net.safetensors --out x.h5", "expected run folders or checkpoints of one run");
  expect_refused("net.safetensors --out x.h5", "a path needs at least 2 checkpoints, found 1");
  expect_refused("net.safetensors net.safetensors --quiet --out x.h5", "they span no plane");
  expect_refused("a --centering median --out x.h5", "--centering: expected none or mean");
  expect_refused("a --type weight --out x.h5", "did you mean weights?");
  expect_refused("a --out a/checkpoints/epoch_0001.safetensors", "is read by this run");
}

}  // namespace
}  // namespace basin
