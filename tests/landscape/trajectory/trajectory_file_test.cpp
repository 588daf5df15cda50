#include "landscape/trajectory/trajectory_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "landscape/hdf5.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(TrajectoryFile, KeepsAPath) {
  const TemporaryFolder folder;
  Trajectory path;
  path.train = true;
  path.points = {{{1, 2, 3, 4}, 0, 5, 0.1, {}, {}}, {{-1, 0, 2, 1}, 1, -1, std::nan(""), {}, {}}};
  path.points[0].truth.train = {0.5, 0.1, 90, 1, 0};
  path.points[1].in_plane.train = {std::nan(""), 0.2, 80, 2, 0};
  path.variance_ratio = {0.7, 0.3};
  path.random_walk_ratio = {0.8, 0.2};
  path.direction_file = "t.directions.h5";
  path.attributes = {{"configuration", "{}"}, {"runs", R"(["a","b"])"}};
  write_trajectory(folder / "t.h5", path);
  const Trajectory found = read_trajectory(folder / "t.h5");
  EXPECT_TRUE(found.train);
  EXPECT_FALSE(found.test);
  ASSERT_EQ(found.points.size(), 2u);
  EXPECT_EQ(found.points[0].projection.distance, 4);
  EXPECT_EQ(found.points[0].projection.length, 3);
  EXPECT_EQ(found.points[0].epoch, 5);
  EXPECT_EQ(found.points[0].learning_rate, 0.1);
  EXPECT_TRUE(std::isnan(found.points[1].learning_rate));
  EXPECT_EQ(found.points[0].truth.train.accuracy, 90);
  EXPECT_EQ(found.points[1].run, 1);
  EXPECT_TRUE(std::isnan(found.points[1].in_plane.train.loss));
  EXPECT_EQ(found.variance_ratio, path.variance_ratio);
  EXPECT_TRUE(found.singular_values.empty());
  EXPECT_EQ(found.random_walk_ratio, path.random_walk_ratio);
  EXPECT_EQ(found.attributes, path.attributes);
  EXPECT_EQ(found.direction_file, "t.directions.h5");
}

TEST(TrajectoryFile, ReadsTheReferenceToolsProjections) {
  const TemporaryFolder folder;
  {
    Hdf5Writer file(folder / "proj.h5");
    file.write("proj_xcoord", std::vector<double>{1, 2}, {2});
    file.write("proj_ycoord", std::vector<double>{3, 4}, {2});
    file.save();
  }
  const Trajectory found = read_trajectory(folder / "proj.h5");
  EXPECT_EQ(found.points[1].projection.y, 4);
  EXPECT_TRUE(std::isnan(found.points[1].projection.distance));
  {
    Hdf5Writer file(folder / "short.h5");
    file.write("proj_xcoord", std::vector<double>{1, 2}, {2});
    file.write("proj_ycoord", std::vector<double>{3}, {1});
    file.save();
  }
  expect_error([&] { read_trajectory(folder / "short.h5"); }, {"short.h5", "proj_ycoord", "(2)", "(1)"});
}

}  // namespace
}  // namespace basin
