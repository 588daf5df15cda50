// Binary exports, read by read_export.py, which knows the formats and nothing of Basin.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "landscape/export/npz.h"
#include "landscape/export/vtk.h"
#include "tests/expect_error.h"
#include "tests/landscape/export/small_tables.h"
#include "tests/python.h"

namespace basin {
namespace {

using Json = nlohmann::json;

Json read_back(const std::filesystem::path& path) {
  const PythonResult result = run_python(read_file(EXPORT_READER), "'" + path.string() + "'");
  EXPECT_EQ(result.status, 0) << result.output;
  return result.status == 0 ? Json::parse(result.output) : Json();
}

std::vector<double> numbers(const Json& texts) {
  std::vector<double> values;
  for (const Json& text : texts) values.push_back(std::stod(text.get<std::string>()));
  return values;
}

// Equal to the last bit; NaN is equal to NaN alone.
void expect_same(const std::vector<double>& found, const std::vector<double>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_TRUE(std::isnan(expected[i]) ? std::isnan(found[i]) : found[i] == expected[i])
        << what << '[' << i << "]: " << found[i] << ", expected " << expected[i];
}

void expect_points(const Json& file, const std::vector<std::vector<double>>& expected) {
  ASSERT_EQ(file["points"].size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) expect_same(numbers(file["points"][i]), expected[i], "point");
}

class Vtk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!python_has("xml.etree.ElementTree")) GTEST_SKIP() << "Python is not installed (Debian: python3)";
  }
  TemporaryFolder folder_;
};

TEST_F(Vtk, AStructuredGridHidesItsGaps) {
  const PointTable table = small_plane();
  write_vts(folder_ / "s.vts", table, {-3, 0.5, 1, 5, 5.5, kNaN});
  const Json file = read_back(folder_ / "s.vts");
  EXPECT_EQ(file["extent"], Json({0, 2, 0, 1, 0, 0}));
  expect_points(file, {{-1, 0, -3}, {0, 0, 0.5}, {1.5, 0, 1}, {-1, 2, 5}, {0, 2, 5.5}, {1.5, 2, -3}});
  expect_same(numbers(file["arrays"]["train_loss [nat]"][1]), table.columns[0].values, "train_loss");
  EXPECT_EQ(file["arrays"]["train_nonfinite [images]"], Json({"Int64", {"0", "0", "7", "0", "0", "-1"}}));
  EXPECT_EQ(file["arrays"]["train_valid"], Json({"UInt8", {"1", "1", "1", "1", "1", "0"}}));
  EXPECT_EQ(file["arrays"]["vtkGhostType"], Json({"UInt8", {"0", "0", "0", "0", "0", "2"}}));
  EXPECT_EQ(file["texts"], Json(table.attributes));
  write_vts(folder_ / "full.vts", table, {0, 1, 2, 3, 4, 5});
  EXPECT_FALSE(read_back(folder_ / "full.vts")["arrays"].contains("vtkGhostType"));
}

TEST_F(Vtk, PolygonsOfAPlane) {
  const PointTable table = small_plane();
  write_vtp(folder_ / "s.vtp", table, table.columns[0].values);
  const Json file = read_back(folder_ / "s.vtp");
  expect_points(file, {{-1, 0, 0}, {0, 0, 1}, {1.5, 0, 2}, {-1, 2, 10}, {0, 2, 11}});
  EXPECT_EQ(file["polys"], Json::parse("[[0,1,4,3]]"));
  EXPECT_TRUE(file["lines"].empty());
  expect_same(numbers(file["arrays"]["train_nonfinite [images]"][1]), {0, 0, 7, 0, 0}, "train_nonfinite");
}

TEST_F(Vtk, PathsAndLines) {
  const PointTable paths = small_paths();
  write_vtp(folder_ / "t.vtp", paths, paths.columns[0].values);
  const Json file = read_back(folder_ / "t.vtp");
  EXPECT_EQ(file["lines"], Json::parse("[[0,1,2],[3,4]]"));
  expect_points(file, {{3, 0, 2.3}, {2, 1, 1.1}, {0, 0, 0.1}, {5, -1, 2.2}, {4, -2, 1}});
  const PointTable line = small_line();
  write_vtp(folder_ / "l.vtp", line, line.columns[0].values);
  const Json drawn = read_back(folder_ / "l.vtp");
  EXPECT_EQ(drawn["lines"], Json::parse("[[0,1]]"));
  expect_points(drawn, {{-1, 0, 10}, {0, 0, 90}, {2, 0, 50}});
  expect_error([&] { write_vts(folder_ / "l.vts", line, line.columns[0].values); }, {"l.vts", "is of a plane", ".vtp"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "l.vts"));
}

// Base64 ends differently for each remainder of the length by three.
TEST_F(Vtk, ArraysOfEveryLength) {
  for (std::size_t count = 2; count <= 8; ++count) {
    PointTable table;
    table.arrangement = Arrangement::line;
    std::vector<double> flags;
    for (std::size_t i = 0; i < count; ++i) {
      table.x.push_back(0.1 * static_cast<double>(i) - 1e-300);
      flags.push_back(static_cast<double>(255 - 31 * i));
    }
    table.columns = {{"flag", "", flags, ColumnType::flag}};
    write_vtp(folder_ / "l.vtp", table, table.x);
    expect_same(numbers(read_back(folder_ / "l.vtp")["arrays"]["flag"][1]), flags, "flag");
  }
}

TEST(Npz, IsReadByNumPy) {
  if (!python_has("numpy")) GTEST_SKIP() << "NumPy is not installed (Debian: python3-numpy)";
  const TemporaryFolder folder;
  const PointTable table = small_plane();
  write_npz(folder / "s.npz", table);
  const Json file = read_back(folder / "s.npz");
  ASSERT_EQ(file.size(), 7u);
  EXPECT_EQ(file["xcoordinates"][1], Json({3}));
  expect_same(numbers(file["xcoordinates"][2]), table.x, "xcoordinates");
  expect_same(numbers(file["ycoordinates"][2]), table.y, "ycoordinates");
  EXPECT_EQ(file["train_loss"][0], "<f8");
  EXPECT_EQ(file["train_loss"][1], Json({2, 3}));
  expect_same(numbers(file["train_loss"][2]), table.columns[0].values, "train_loss");
  EXPECT_EQ(file["train_nonfinite"], Json({"<i8", {2, 3}, {"0", "0", "7", "0", "0", "-1"}}));
  EXPECT_EQ(file["train_valid"], Json({"|u1", {2, 3}, {"1", "1", "1", "1", "1", "0"}}));
  EXPECT_EQ(file["model"][2][0], table.attributes.at("model"));
  EXPECT_EQ(file["configuration"][2][0], table.attributes.at("configuration"));
  write_npz(folder / "t.npz", small_paths());
  const Json path = read_back(folder / "t.npz");
  expect_same(numbers(path["proj_ycoord"][2]), small_paths().y, "proj_ycoord");
  EXPECT_EQ(path["train_loss"][1], Json({5}));
}

TEST(Npz, EqualTablesGiveEqualBytesAndNamesAreUnique) {
  const TemporaryFolder folder;
  PointTable table = small_plane();
  write_npz(folder / "a.npz", table);
  write_npz(folder / "b.npz", table);
  EXPECT_EQ(read_file(folder / "a.npz"), read_file(folder / "b.npz"));
  table.attributes["train_loss"] = "low";
  const std::string before = read_file(folder / "a.npz");
  expect_error([&] { write_npz(folder / "a.npz", table); }, {"a.npz", "two arrays are called train_loss"});
  EXPECT_EQ(read_file(folder / "a.npz"), before);
}

}  // namespace
}  // namespace basin
