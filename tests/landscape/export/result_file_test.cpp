#include "landscape/export/result_file.h"

#include <gtest/gtest.h>

#include "landscape/hdf5.h"
#include "tests/expect_error.h"
#include "tests/landscape/export/small_tables.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// Files of the reference tool have no attributes; two-dimensional arrays are declared (nx, ny).
class ReferenceFile {
 public:
  explicit ReferenceFile(const std::filesystem::path& path) : file_(path) {}
  ~ReferenceFile() { file_.save(); }
  void add(const std::string& name, const std::vector<double>& values) {
    file_.write(name, values, {static_cast<std::int64_t>(values.size())});
  }
  void add_plane(const std::string& name, const std::vector<double>& values) { file_.write(name, values, {3, 2}); }
  void add_axes() {
    add("xcoordinates", {-1, 0, 1});
    add("ycoordinates", {5, 6});
  }
  void add_losses() {
    add_plane("train_loss", {0, 1, 2, 3, 4, -1});
    add_plane("train_acc", {90, 80, 70, 60, 50, -1});
  }
  void add_eigenvalues() {
    add_plane("max_eig", {10, 20, 30, 40, 50, -1});
    add_plane("min_eig", {-1, -4, -9, -2, -5, 1});
  }

 private:
  Hdf5Writer file_;
};

TEST(ResultFile, BasinsKindsAreKnownByTheirAttribute) {
  const TemporaryFolder folder;
  write_hessian_map(folder / "map.h5", HessianMap({0, 1}, std::nullopt));
  write_hessian(folder / "h.h5", {});
  Trajectory path;
  path.points.resize(2);
  write_trajectory(folder / "t.h5", path);
  Surface surface;
  surface.x = {0, 1};
  surface.train.emplace(2);
  write_surface(folder / "s.h5", surface);
  for (const auto& [name, kind] : {std::pair{"map.h5", ResultKind::hessian_map},
                                   {"h.h5", ResultKind::hessian},
                                   {"t.h5", ResultKind::trajectory},
                                   {"s.h5", ResultKind::surface}}) {
    EXPECT_EQ(result_kind(folder / name), kind) << name;
    EXPECT_TRUE(is_basin_format(folder / name)) << name;
    EXPECT_FALSE(has_eigenvalues(folder / name)) << name;
  }
}

TEST(ResultFile, TheReferenceToolsByTheirDatasets) {
  const TemporaryFolder folder;
  {
    ReferenceFile surface(folder / "s.h5"), map(folder / "m.h5"), projection(folder / "p.h5");
    surface.add_axes();
    surface.add_losses();
    surface.add_eigenvalues();
    map.add_axes();
    map.add_eigenvalues();
    projection.add("proj_xcoord", {2, 0});
    projection.add("proj_ycoord", {1, 0});
    Hdf5Writer directions(folder / "d.h5");
    directions.write_group("xdirection");
    directions.save();
  }
  EXPECT_EQ(result_kind(folder / "s.h5"), ResultKind::surface);
  EXPECT_TRUE(has_eigenvalues(folder / "s.h5"));
  EXPECT_EQ(result_kind(folder / "m.h5"), ResultKind::hessian_map);
  EXPECT_EQ(result_kind(folder / "p.h5"), ResultKind::trajectory);
  EXPECT_EQ(result_kind(folder / "d.h5"), ResultKind::directions);
  EXPECT_FALSE(is_basin_format(folder / "s.h5"));

  const PointTable both = read_point_table(folder / "s.h5");
  EXPECT_EQ(both.height, "train_loss");
  EXPECT_EQ(both.shape(), (Shape{2, 3}));
  EXPECT_EQ(both.find("train_loss")->values[4], 4);  // row = y, whatever the file declares
  EXPECT_EQ(both.x_at(4), 0);
  EXPECT_EQ(both.find("min_eig")->values[2], -9);
  EXPECT_EQ(both.find("eig_ratio")->values[2], 0.3);
  EXPECT_EQ(both.find("eig_valid")->values[5], 0);
  EXPECT_TRUE(std::isnan(both.find("max_eig")->values[5]));
  EXPECT_EQ(read_point_table(folder / "m.h5").find("max_eig")->values[3], 40);
  const PointTable path = read_point_table(folder / "p.h5");
  EXPECT_EQ(path.x, (std::vector<double>{2, 0}));
  EXPECT_EQ(path.height, "");
}

TEST(ResultFile, RefusesWhatHasNoPoints) {
  const TemporaryFolder folder;
  {
    Hdf5Writer directions(folder / "d.h5");
    directions.write_group("xdirection");
    directions.save();
  }
  write_hessian(folder / "h.h5", {});
  expect_error([&] { read_point_table(folder / "d.h5"); }, {"d.h5", "holds directions"});
  expect_error([&] { read_point_table(folder / "h.h5"); }, {"h.h5", "no spectral density"});
  expect_error([&] { read_point_table(folder / "none.h5"); }, {"none.h5"});
}

}  // namespace
}  // namespace basin
