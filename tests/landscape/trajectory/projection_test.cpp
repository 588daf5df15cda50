#include "landscape/trajectory/projection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"

namespace basin {
namespace {

// d = 2 dx - dy + e for dx = (3, 0, 0), dy = (1, 2, 0), e = (0, 0, 4).
TEST(Projection, InAPlaneThatIsNeitherOrthogonalNorOfUnitLength) {
  const Projection found = project(25 + 4 + 16, 15, 5 - 4, {9, 3, 5});
  EXPECT_NEAR(found.x, 2, 1e-12);
  EXPECT_NEAR(found.y, -1, 1e-12);
  EXPECT_NEAR(found.distance, 4, 1e-12);
  EXPECT_NEAR(found.length, std::sqrt(45.0), 1e-12);
}

TEST(Projection, OnOrthonormalDirectionsIsTheReferenceTools) {
  const Projection found = project(14, 1, 2, {1, 0, 1});
  EXPECT_EQ(found.x, 1);
  EXPECT_EQ(found.y, 2);
  EXPECT_NEAR(found.distance, 3, 1e-12);
}

TEST(Projection, NeedsAPlane) {
  expect_error([] { project(1, 1, 1, {1, 2, 4}); }, {"do not span a plane"});
  expect_error([] { project(1, 0, 0, {1, 0, 0}); }, {"do not span a plane"});
}

}  // namespace
}  // namespace basin
