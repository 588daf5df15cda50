#include "landscape/export/mesh.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/landscape/export/small_tables.h"

namespace basin {
namespace {

using Quad = std::array<std::int64_t, 4>;

// Twice the area, seen from above: positive where the corners run counter-clockwise.
double doubled_area(const PointTable& table, const Mesh& mesh, const Quad& quad) {
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::size_t a = mesh.points[static_cast<std::size_t>(quad[k])];
    const std::size_t b = mesh.points[static_cast<std::size_t>(quad[(k + 1) % 4])];
    sum += table.x_at(a) * table.y_at(b) - table.x_at(b) * table.y_at(a);
  }
  return sum;
}

TEST(Mesh, OfAPlaneWithAGap) {
  const PointTable table = small_plane();
  const Mesh mesh = make_mesh(table, table.columns[0].values);
  EXPECT_EQ(mesh.points, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(mesh.quads, (std::vector<Quad>{{0, 1, 4, 3}}));  // the other one has the gap for a corner
  EXPECT_TRUE(mesh.chains.empty());
  EXPECT_EQ(doubled_area(table, mesh, mesh.quads[0]), 2 * 1 * 2);
}

TEST(Mesh, FacesUpWhicheverWayTheAxesRun) {
  for (const bool x_turned : {false, true})
    for (const bool y_turned : {false, true}) {
      PointTable table = small_plane();
      if (x_turned) table.x = {1.5, 0, -1};
      if (y_turned) table.y = {2, 0};
      const Mesh mesh = make_mesh(table, std::vector<double>(6, 1));
      ASSERT_EQ(mesh.quads.size(), 2u);
      for (const Quad& quad : mesh.quads) EXPECT_GT(doubled_area(table, mesh, quad), 0) << x_turned << y_turned;
    }
}

TEST(Mesh, ChainsEndAtGapsAndBetweenPaths) {
  const PointTable line = small_line();
  const Mesh of_line = make_mesh(line, line.columns[0].values);
  EXPECT_EQ(of_line.points, (std::vector<std::size_t>{0, 1, 3}));
  EXPECT_EQ(of_line.chains, (std::vector<std::vector<std::int64_t>>{{0, 1}}));  // a point alone is no chain
  const PointTable paths = small_paths();
  EXPECT_EQ(make_mesh(paths, paths.columns[0].values).chains,
            (std::vector<std::vector<std::int64_t>>{{0, 1, 2}, {3, 4}}));
}

TEST(Mesh, NeedsAHeight) {
  const PointTable table = small_plane();
  expect_error([&] { make_mesh(table, std::vector<double>(6, kNaN)); }, {"none of the 6 points has a finite height"});
  expect_error([&] { make_mesh(table, {1, 2}); }, {"expected 6 heights, found 2"});
}

}  // namespace
}  // namespace basin
