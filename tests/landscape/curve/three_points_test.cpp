#include "landscape/curve/three_points.h"

#include <gtest/gtest.h>

#include <cmath>

#include "landscape/direction_file.h"
#include "landscape/plane.h"
#include "tests/expect_error.h"
#include "tests/landscape/curve/flat_states.h"
#include "tests/landscape/landscape_values.h"
#include "tests/landscape/small_networks.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

TEST(PlaneOfThree, HasTheCoordinatesOfATriangle) {
  const PlaneOfThree plane = plane_through(flat_state({1, 1, 1}), flat_state({1, 5, 1}), flat_state({1, 2, 4}));
  EXPECT_EQ(plane.u.tensors[0].to_vector<double>(), (std::vector<double>{0, 1, 0}));
  EXPECT_EQ(plane.v.tensors[0].to_vector<double>(), (std::vector<double>{0, 0, 1}));
  const double expected[3][2] = {{0, 0}, {4, 0}, {1, 3}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(plane.networks[i].alpha, expected[i][0], 1e-14);
    EXPECT_NEAR(plane.networks[i].beta, expected[i][1], 1e-14);
  }
  const auto [x, y] = ranges_around(plane, 0.25, 9);
  EXPECT_EQ(x.text(), "-1:5:9");
  EXPECT_EQ(y.text(), "-0.75:3.75:9");
}

// Batch-norm statistics have no part in the lengths and follow all the same.
TEST(PlaneOfThree, NetworksLieAtTheirCoordinates) {
  const Model model = small_networks()[13];
  const State states[3] = {random_state(model, 1), random_state(model, 2), random_state(model, 3)};
  const PlaneOfThree plane = plane_through(states[0], states[1], states[2]);
  const Direction u = without_statistics(plane.u, states[0]), v = without_statistics(plane.v, states[0]);
  EXPECT_NEAR(norm(u), 1, 1e-6);
  EXPECT_NEAR(norm(v), 1, 1e-6);
  EXPECT_NEAR(cosine(u, v), 0, 1e-6);
  EXPECT_TRUE(moves_statistics(plane.u, states[0]));
  for (std::size_t i = 0; i < 3; ++i) {
    const State found = displaced({&model, &states[0], &plane.u, &plane.v}, plane.networks[i]);
    for (std::size_t k = 0; k < found.entries().size(); ++k) {
      if (found.entries()[k].role == Role::batches_tracked) continue;
      const std::vector<float> a = found.entries()[k].value.to_vector<float>();
      const std::vector<float> b = states[i].entries()[k].value.to_vector<float>();
      for (std::size_t j = 0; j < a.size(); ++j) ASSERT_NEAR(a[j], b[j], 2e-6) << found.entries()[k].name;
    }
  }
}

TEST(PlaneOfThree, MarkersStandInTheDirectionFile) {
  const TemporaryFolder folder;
  const State state = flat_state<float>({1, 2});
  DirectionPair pair;
  pair.x = pair.y.emplace(Direction{DirectionKind::weights, {state.entries()[0].value}});
  write_directions(folder / "plain.h5", state, pair);
  EXPECT_FALSE(read_markers(folder / "plain.h5"));
  const PlaneMarkers markers{{{"a", {0, 0}}, {"b", {0.1, 1e-30}}}, {{0, 1}, {2, 3}}};
  pair.attributes[kMarkersAttribute] = text_of(markers);
  write_directions(folder / "marked.h5", state, pair);
  const auto found = read_markers(folder / "marked.h5");
  ASSERT_TRUE(found);
  EXPECT_EQ(text_of(*found), text_of(markers));
  EXPECT_EQ(found->networks[1].at.beta, 1e-30);
  EXPECT_EQ(found->path[1].alpha, 2);
  for (const char* text : {"{}", "[", R"({"networks":[{"name":"a","x":"0","y":0}],"path":[]})"}) {
    pair.attributes[kMarkersAttribute] = text;
    write_directions(folder / "bad.h5", state, pair);
    expect_error([&] { read_markers(folder / "bad.h5"); }, {"bad.h5", "attribute markers"});
  }
}

TEST(PlaneOfThree, RefusesNetworksOnALine) {
  const State a = flat_state({0, 0}), b = flat_state({1, 2}), c = flat_state({-3, -6});
  expect_error([&] { plane_through(a, b, c); }, {"one line"});
  expect_error([&] { plane_through(a, a, c); }, {"the same"});
  expect_error([&] { plane_through(a, b, a); }, {"one line"});
  expect_error([&] { plane_through(a, b, flat_state({1, 2, 3})); }, {"(2)", "(3)"});
}

}  // namespace
}  // namespace basin
