#include "landscape/export/text.h"

#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "tests/landscape/export/small_tables.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(Csv, HasARowPerPoint) {
  const TemporaryFolder folder;
  PointTable table = small_plane();
  table.columns[0].values[1] = 0.1;
  table.columns[0].values[2] = -std::nan("");  // the sign of a NaN means nothing
  write_csv(folder / "s.csv", table);
  EXPECT_EQ(read_file(folder / "s.csv"),
            "x,y,train_loss [nat],train_nonfinite [images],train_valid\n"
            "-1,0,0,0,1\n0,0,0.1,0,1\n1.5,0,nan,7,1\n-1,2,10,0,1\n0,2,11,0,1\n1.5,2,nan,-1,0\n");
}

TEST(Csv, LinesHaveNoYAndPathsTheirOwnNames) {
  const TemporaryFolder folder;
  write_csv(folder / "l.csv", small_line());
  EXPECT_EQ(read_file(folder / "l.csv"), "x,test_acc [%]\n-1,10\n0,90\n1,nan\n2,50\n3,inf\n");
  write_csv(folder / "t.csv", small_paths());
  EXPECT_TRUE(read_file(folder / "t.csv").starts_with("proj_xcoord,proj_ycoord,train_loss\n3,0,2.3\n"));
}

// Numbers come back to the last bit.
TEST(Csv, IsExact) {
  const TemporaryFolder folder;
  PointTable table = small_line();
  table.columns[0].values = {1.0 / 3, 5e-324, 1.7976931348623157e308, -0.1, 123456789012345678.0};
  write_csv(folder / "l.csv", table);
  const std::string text = read_file(folder / "l.csv");
  std::size_t at = text.find('\n') + 1;
  for (const double value : table.columns[0].values) {
    const std::size_t comma = text.find(',', at);
    EXPECT_EQ(std::strtod(text.c_str() + comma + 1, nullptr), value);
    at = text.find('\n', at) + 1;
  }
}

TEST(Obj, LeavesOutGaps) {
  const TemporaryFolder folder;
  PointTable table = small_plane();
  write_obj(folder / "s.obj", table, {0, 0.5, 1, 5, 5.5, kNaN});
  EXPECT_EQ(read_file(folder / "s.obj"),
            "# configuration: {\"norm\":\"filter\"} <&>\n# model: r\xc3\xa9seau\n"
            "v -1 0 0\nv 0 0 0.5\nv 1.5 0 1\nv -1 2 5\nv 0 2 5.5\nf 1 2 5 4\n");
  const PointTable paths = small_paths();
  write_obj(folder / "t.obj", paths, paths.columns[0].values);
  EXPECT_TRUE(read_file(folder / "t.obj").ends_with("v 4 -2 1\nl 1 2 3\nl 4 5\n"));
}

}  // namespace
}  // namespace basin
