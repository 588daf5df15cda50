#include "landscape/export/point_table.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/landscape/export/small_tables.h"

namespace basin {
namespace {

std::vector<std::string> names_of(const PointTable& table) {
  std::vector<std::string> names;
  for (const PointColumn& column : table.columns) {
    names.push_back(column.name);
    EXPECT_EQ(column.values.size(), table.size()) << column.name;
  }
  return names;
}

const PointColumn& column_of(const PointTable& table, const std::string& name) {
  const PointColumn* column = table.find(name);
  check(column != nullptr, "the table has no ", name);
  return *column;
}

TEST(PointTable, OfASurface) {
  Surface surface;
  surface.x = {-1, 0, 1};
  surface.y = {5, 6};
  surface.test.emplace(surface.size());
  surface.test->set(4, {0.5, 0.1, 90, 1, 2});
  surface.attributes["configuration"] = R"({"loss":"cross-entropy"})";
  const PointTable table = point_table(surface);
  EXPECT_EQ(names_of(table), (std::vector<std::string>{"test_loss", "test_acc", "test_loss_error", "test_acc_error",
                                                       "test_nonfinite", "test_valid"}));
  EXPECT_EQ(table.height, "test_loss");
  EXPECT_EQ(table.shape(), (Shape{2, 3}));
  EXPECT_EQ(table.x_at(4), 0);
  EXPECT_EQ(table.y_at(4), 6);
  const PointColumn& loss = column_of(table, "test_loss");
  EXPECT_EQ(loss.values[4], 0.5);
  EXPECT_TRUE(std::isnan(loss.values[3]));  // not the file's -1: nothing was computed
  EXPECT_EQ(loss.unit, "nat");
  EXPECT_EQ(column_of(table, "test_nonfinite").values[4], 2);
  EXPECT_EQ(column_of(table, "test_valid").values, (std::vector<double>{0, 0, 0, 0, 1, 0}));
  surface.attributes["configuration"] = R"({"loss":"mse"})";
  EXPECT_EQ(column_of(point_table(surface), "test_loss").unit, "");
}

TEST(PointTable, OfAHessianMap) {
  HessianMap map({-1, 0, 1}, std::nullopt);
  map.set(1, {10, 0.1, true}, {-2, 0.2, false}, 12);
  const PointTable table = point_table(map);
  EXPECT_EQ(table.arrangement, Arrangement::line);
  EXPECT_EQ(table.height, "eig_ratio");
  EXPECT_EQ(column_of(table, "eig_ratio").values[1], 0.2);
  EXPECT_EQ(column_of(table, "min_eig_residual").values[1], 0.2);
  EXPECT_EQ(column_of(table, "min_eig_converged").values[1], 0);
  for (const char* name : {"max_eig", "min_eig", "eig_ratio"})
    EXPECT_TRUE(std::isnan(column_of(table, name).values[0])) << name;
}

TEST(PointTable, OfATrajectory) {
  Trajectory path;
  path.train = true;
  path.points = {{{1, 2, 3, 4}, 0, 5, 0.1, {}, {}}, {{-1, 0, 2, 1}, 1, -1, std::nan(""), {}, {}}};
  path.points[0].truth.train = {0.5, 0.1, 90, 1, 0};
  path.points[0].in_plane.train = {0.75, 0.2, 80, 2, 0};
  path.variance_ratio = {0.75, 0.25};
  const PointTable table = point_table(path);
  EXPECT_EQ(names_of(table),
            (std::vector<std::string>{"distance", "length", "run", "epoch", "learning_rate", "train_loss", "train_acc",
                                      "train_loss_error", "train_acc_error", "plane_train_loss", "plane_train_acc",
                                      "plane_train_loss_error", "plane_train_acc_error"}));
  EXPECT_EQ(table.shape(), Shape{2});
  EXPECT_EQ(table.chain, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(table.y_at(0), 2);
  EXPECT_EQ(column_of(table, "train_loss").values[0], 0.5);
  EXPECT_EQ(column_of(table, "plane_train_loss").values[0], 0.75);
  EXPECT_EQ(column_of(table, "plane_train_acc_error").values[0], 2);
  EXPECT_EQ(column_of(table, "distance").values, (std::vector<double>{4, 1}));
  EXPECT_EQ(column_of(table, "length").values, (std::vector<double>{3, 2}));
  EXPECT_EQ(column_of(table, "epoch").values, (std::vector<double>{5, -1}));
  EXPECT_EQ(column_of(table, "learning_rate").values[0], 0.1);
  EXPECT_EQ(table.attributes.at("explained_variance_ratio_"), "[0.75,0.25]");
}

TEST(PointTable, OfADensity) {
  HessianReport report;
  report.density = spectral_density({{{0, 1, 8}, {0.6, 0.3, 0.1}}, {{0, 1, 8}, {0.5, 0.4, 0.1}}}, 50, 0.2);
  const PointTable table = point_table(report);
  EXPECT_EQ(table.size(), 50u);
  EXPECT_EQ(column_of(table, "density").values, report.density->density);
  EXPECT_EQ(column_of(table, "density_error").values, report.density->error);
  expect_error([] { point_table(HessianReport()); }, {"no spectral density"});
}

}  // namespace
}  // namespace basin
