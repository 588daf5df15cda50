#include "landscape/grid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"

namespace basin {
namespace {

TEST(Range, ThePaperGrid) {
  const Range range = parse_range("-1:1:51", "--x");
  EXPECT_EQ(range, (Range{-1, 1, 51}));
  const std::vector<double> values = range.values();
  ASSERT_EQ(values.size(), 51u);
  EXPECT_EQ(values.front(), -1.0);
  EXPECT_EQ(values.back(), 1.0);
  EXPECT_EQ(values[25], 0.0);
  EXPECT_FALSE(std::signbit(values[25]));
  EXPECT_NEAR(values[1], -0.96, 1e-15);
}

TEST(Range, SinglePoints) {
  EXPECT_EQ(parse_range("0.5", "--x"), (Range{0.5, 0.5, 1}));
  EXPECT_EQ(parse_range("0:0:1", "--x"), (Range{0, 0, 1}));
  EXPECT_EQ(parse_range("-2.5e-1:-0.25:1", "--x").values(), std::vector<double>{-0.25});
  EXPECT_FALSE(std::signbit(parse_range("-0", "--x").first));
}

TEST(Range, ReversedAndTouchingZero) {
  EXPECT_EQ(parse_range("1:-1:3", "--x").values(), (std::vector<double>{1, 0, -1}));
  EXPECT_EQ(parse_range("0:1:3", "--x").values(), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(parse_range("-1:0:2", "--x").values(), (std::vector<double>{-1, 0}));
}

// Whatever the ends, the ends are exact and a point that should be zero is.
TEST(Range, EndsAndZeroAreExact) {
  for (int tenth = 1; tenth <= 30; ++tenth)
    for (std::int64_t half = 1; half <= 40; ++half) {
      const double end = tenth / 10.0;
      const Range range{-end, end, 2 * half + 1};
      EXPECT_EQ(range.value(0), -end);
      EXPECT_EQ(range.value(2 * half), end);
      EXPECT_EQ(range.value(half), 0.0) << end << " " << half;
    }
  const Range asymmetric{-0.1, 0.3, 5};  // -0.1, 0, 0.1, 0.2, 0.3
  EXPECT_EQ(asymmetric.value(1), 0.0);
}

TEST(Range, TextReadsBackBitForBit) {
  for (const char* text : {"-1:1:51", "0.1:0.30000000000000004:7", "1e-300:-1:2", "0:0:1"}) {
    const Range range = parse_range(text, "--x");
    EXPECT_EQ(parse_range(range.text(), "--x"), range);
  }
  EXPECT_EQ(parse_range("-1:1:51", "--x").text(), "-1:1:51");
}

TEST(Range, BadTextsNameTheFlag) {
  for (const char* text : {"",
                           ":",
                           "::",
                           "-1:1",
                           "-1:1:51:2",
                           "a:1:3",
                           "-1:1:x",
                           "-1:1:3.5",
                           "-1:1:0",
                           "-1:1:-3",
                           "-1:1:",
                           " -1:1:3",
                           "-1:1:3 ",
                           "+1:2:3",
                           "nan:1:3",
                           "-inf:1:3",
                           "1e999:1:3",
                           "0x1:2:3",
                           "-1:1:1",
                           "1:1:5",
                           "-1:1:1000001",
                           "-1:1:99999999999999999999",
                           "-1e308:1e308:3",
                           "1,5:2:3"})
    expect_error([&] { parse_range(text, "--y"); }, {"--y '" + std::string(text) + "'"});
}

TEST(Grid, RowsAreY) {
  const Grid grid = make_grid(parse_range("-1:1:3", "--x"), parse_range("10:20:2", "--y"));
  EXPECT_EQ(grid.size(), 6);
  EXPECT_EQ(grid.point(0).alpha, -1);
  EXPECT_EQ(grid.point(0).beta, 10);
  EXPECT_EQ(grid.point(2).alpha, 1);
  EXPECT_EQ(grid.point(2).beta, 10);
  EXPECT_EQ(grid.point(4).alpha, 0);
  EXPECT_EQ(grid.point(4).beta, 20);
}

TEST(Grid, OneDimension) {
  const Grid grid = make_grid(parse_range("-1:1:3", "--x"));
  EXPECT_FALSE(grid.two_dimensional);
  EXPECT_EQ(grid.size(), 3);
  EXPECT_EQ(grid.point(2).alpha, 1);
  EXPECT_EQ(grid.point(2).beta, 0);
}

TEST(Grid, SizeIsLimited) {
  const Range range{0, 1, 1'000'000};
  EXPECT_EQ(make_grid(range, {0, 1, 100}).size(), kMaxGridPoints);
  expect_error([&] { make_grid(range, {0, 1, 101}); }, {"1000000 x 101", "100000000"});
}

}  // namespace
}  // namespace basin
