// The parts of pictures that can be checked in numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/expect_error.h"
#include "tools/plotting/field.h"
#include "tools/plotting/isolines.h"
#include "tools/plotting/line_labels.h"
#include "tools/plotting/scale.h"
#include "tools/plotting/script.h"

namespace basin {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

Field field_of(std::size_t nx, std::size_t ny, double (*value)(double, double)) {
  Field field;
  for (std::size_t i = 0; i < nx; ++i)
    field.x.push_back(-1 + 2.0 * static_cast<double>(i) / static_cast<double>(nx - 1));
  for (std::size_t i = 0; i < ny; ++i)
    field.y.push_back(-1 + 2.0 * static_cast<double>(i) / static_cast<double>(ny - 1));
  for (const double y : field.y)
    for (const double x : field.x) field.z.push_back(value(x, y));
  return field;
}

TEST(Isolines, OfAConeAreOneClosedCircle) {
  const Field field = field_of(81, 81, [](double x, double y) { return std::hypot(x, y); });
  const std::vector<Polyline> lines = isolines(field, 0.5);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].front().x, lines[0].back().x);
  EXPECT_EQ(lines[0].front().y, lines[0].back().y);
  for (const Vertex& vertex : lines[0]) EXPECT_NEAR(std::hypot(vertex.x, vertex.y), 0.5, 1e-3);
}

TEST(Isolines, OfAPlaneAreOneStraightLineFromEdgeToEdge) {
  const Field field = field_of(9, 5, [](double x, double) { return x; });
  const std::vector<Polyline> lines = isolines(field, 0.1);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].size(), 5u);
  EXPECT_NEAR(std::abs(lines[0].front().y - lines[0].back().y), 2, 1e-12);
  for (const Vertex& vertex : lines[0]) EXPECT_NEAR(vertex.x, 0.1, 1e-12);
}

TEST(Isolines, OfASaddleAreTwoBranches) {
  const Field field = field_of(20, 20, [](double x, double y) { return x * y; });
  EXPECT_EQ(isolines(field, 0.1).size(), 2u);
  EXPECT_EQ(isolines(field, 2).size(), 0u);
}

TEST(Isolines, EndAtGaps) {
  Field field = field_of(21, 21, [](double x, double y) { return std::hypot(x, y); });
  field.z[10 * 21 + 15] = kGap;  // at (0.5, 0): on the circle
  const std::vector<Polyline> lines = isolines(field, 0.5);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].front().y, lines[0].back().y);
  for (const Vertex& vertex : lines[0]) EXPECT_TRUE(std::isfinite(vertex.x) && std::isfinite(vertex.y));
}

TEST(Refined, KeepsTheValuesAndStaysBetweenThem) {
  const Field field = field_of(6, 4, [](double x, double y) { return std::exp(3 * x) + 5 * y * y; });
  const Field fine = refined(field, 7);
  ASSERT_EQ(fine.x.size(), 36u);
  ASSERT_EQ(fine.y.size(), 22u);
  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t column = 0; column < 6; ++column)
      EXPECT_NEAR(fine.at(7 * row, 7 * column), field.at(row, column), 1e-12);
  for (std::size_t row = 0; row < 22; row += 7)
    for (std::size_t column = 0; column < 36; ++column) {
      const std::size_t left = std::min<std::size_t>(column / 7, 4);
      const double a = field.at(row / 7, left), b = field.at(row / 7, left + 1), z = fine.at(row, column);
      EXPECT_TRUE(z >= std::min(a, b) - 1e-12 && z <= std::max(a, b) + 1e-12) << row << ' ' << column;
    }
}

TEST(Refined, AGapTakesOnlyTheCellsItTouches) {
  Field field = field_of(5, 5, [](double x, double y) { return x + y; });
  field.z[2 * 5 + 2] = kGap;
  const Field fine = refined(field, 4);
  for (std::size_t row = 0; row < 17; ++row)
    for (std::size_t column = 0; column < 17; ++column) {
      const bool touched = row > 4 && row < 12 && column > 4 && column < 12;
      if (touched) continue;
      EXPECT_NEAR(fine.at(row, column), fine.x[column] + fine.y[row], 1e-9) << row << ' ' << column;
    }
  EXPECT_TRUE(std::isnan(fine.at(8, 8)));
  EXPECT_EQ(gaps(field.z), 1);
}

TEST(Oriented, TurnsReversedRangesRound) {
  const Field field{"", {1, 0, -1}, {2, 1}, {1, 2, 3, 4, 5, 6}};
  const Field turned = oriented(field);
  EXPECT_EQ(turned.x, (std::vector<double>{-1, 0, 1}));
  EXPECT_EQ(turned.y, (std::vector<double>{1, 2}));
  EXPECT_EQ(turned.z, (std::vector<double>{6, 5, 4, 3, 2, 1}));
}

TEST(Levels, AreThePapersForALossClippedAtTen) {
  const Scale scale{.clip = 10};
  const std::vector<double> levels = contour_levels(scale, 0.02, 800, 0, true);
  ASSERT_EQ(levels.size(), 20u);
  EXPECT_EQ(levels[0], 0.1);
  for (std::size_t i = 1; i < levels.size(); ++i) EXPECT_NEAR(levels[i], 0.5 * static_cast<double>(i), 1e-12);
}

TEST(Levels, AreSpacedByTheLogarithmOnALogScale) {
  const Scale scale{.clip = 10, .logarithmic = true};
  EXPECT_EQ(contour_levels(scale, 0.03, 50, 0, true), (std::vector<double>{0.05, 0.1, 0.2, 0.5, 1, 2, 5}));
  EXPECT_NEAR(scale.height(0.9), 0, 1e-12);  // ln(0.9 + 0.1)
  EXPECT_EQ(scale.height(1e9), scale.height(10));
  EXPECT_TRUE(std::isnan(scale.height(std::numeric_limits<double>::infinity())));
}

TEST(Levels, AreReadAsCountListOrRange) {
  EXPECT_EQ(parse_levels("12").count, 12);
  EXPECT_EQ(parse_levels("1,0.5,0.1").values, (std::vector<double>{0.1, 0.5, 1}));
  EXPECT_EQ(parse_levels("3,").values, (std::vector<double>{3}));
  EXPECT_EQ(parse_levels("1:2:3").values, (std::vector<double>{1, 1.5, 2}));
  for (const char* wrong : {"x", "0.1,x", "0", "-3", "1000", "nan", "1,inf"})
    expect_error([&] { parse_levels(wrong); }, {"--levels"});
}

TEST(LineLabels, LeaveAGapThatHoldsTheText) {
  LabelPlacer placer({0, 0, 400, 400}, {-1, 1}, {-1, 1}, 10);
  const Polyline line{{-1, 0}, {1, 0}};
  const LabelledLine labelled = placer.place(line, 0.5, "0.5");
  ASSERT_EQ(labelled.labels.size(), 1u);
  EXPECT_NEAR(labelled.labels[0].degrees, 0, 1e-9);
  ASSERT_EQ(labelled.strokes.size(), 2u);
  const double gap = (labelled.strokes[1].front().x - labelled.strokes[0].back().x) * 200;  // pixels
  EXPECT_GT(gap, 3 * 0.5 * 10 * 96 / 72);
  // The place is taken: the next label goes elsewhere.
  const LabelledLine second = placer.place(line, 0.5, "0.5");
  ASSERT_EQ(second.labels.size(), 1u);
  EXPECT_GT(std::abs(second.labels[0].at.x - labelled.labels[0].at.x) * 200, gap * 0.9);
}

TEST(LineLabels, KeepClearOfOtherLines) {
  LabelPlacer placer({0, 0, 400, 400}, {-1, 1}, {-1, 1}, 10);
  Polyline near;
  for (int i = 0; i <= 200; ++i) near.push_back({-1 + 0.01 * i, 0.01});  // 2 pixels away
  placer.avoid(near, 0.6);
  EXPECT_TRUE(placer.place({{-1, 0}, {1, 0}}, 0.5, "0.5").labels.empty());
}

TEST(Script, QuotesWhatAUserMayTypeAsATitle) {
  EXPECT_EQ(gnuplot_string("it's \"50 %\" $x `y`\n"), "'it''s \"50 %\" $x `y` '");
  expect_error([] { parse_size("800", "--size"); }, {"--size", "'800'"});
  expect_error([] { parse_size("800x60000", "--size"); }, {"--size"});
  EXPECT_EQ(parse_size("800x600", "--size").height, 600);
}

}  // namespace
}  // namespace basin
