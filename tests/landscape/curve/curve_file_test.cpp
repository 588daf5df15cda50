#include "landscape/curve/curve_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/atomic_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

CurveFile example() {
  CurveFile curve;
  curve.kind = CurveKind::bezier;
  curve.bend_files = {"c.bend1.safetensors"};
  curve.arc_length = {0, 1.25, 3};
  curve.straight_length = 2.5;
  curve.train = CurveBarriers{{0.5, 0.01, 0.5}, {12.5, 1.5, 0.5}};
  curve.test = CurveBarriers{{std::nan(""), std::nan(""), 0.5}, {0, 0, 0}};
  curve.surface.x = {0, 0.5, 1};
  curve.surface.train.emplace(3);
  for (std::size_t i = 0; i < 3; ++i) curve.surface.train->set(i, {.loss = 1.0 + static_cast<double>(i)});
  curve.surface.test = curve.surface.train;
  curve.surface.attributes["configuration"] = "{}";
  return curve;
}

TEST(CurveFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const CurveFile written = example();
  write_curve(folder / "c.h5", written);
  const CurveFile read = read_curve(folder / "c.h5");
  EXPECT_EQ(read.kind, written.kind);
  EXPECT_EQ(read.bend_files, written.bend_files);
  EXPECT_EQ(read.arc_length, written.arc_length);
  EXPECT_EQ(read.length(), 3);
  EXPECT_EQ(read.straight_length, 2.5);
  EXPECT_EQ(read.train->loss.height, 0.5);
  EXPECT_EQ(read.train->loss.error, 0.01);
  EXPECT_EQ(read.train->error.height, 12.5);
  EXPECT_TRUE(std::isnan(read.test->loss.height));
  EXPECT_EQ(read.test->loss.t, 0.5);
  EXPECT_EQ(read.surface.train->loss, written.surface.train->loss);
  write_curve(folder / "again.h5", written);
  EXPECT_EQ(read_file(folder / "c.h5"), read_file(folder / "again.h5"));
}

TEST(CurveFile, IsASurfaceOfOneAxis) {
  const TemporaryFolder folder;
  write_curve(folder / "c.h5", example());
  const Surface surface = read_surface(folder / "c.h5");
  EXPECT_TRUE(is_curve(surface));
  EXPECT_FALSE(surface.y);
  EXPECT_EQ(surface.x, (std::vector<double>{0, 0.5, 1}));
}

TEST(CurveFile, RefusesWhatIsNoCurve) {
  const TemporaryFolder folder;
  CurveFile curve = example();
  write_surface(folder / "line.h5", curve.surface);
  expect_error([&] { read_curve(folder / "line.h5"); }, {"line.h5", "expected a curve"});
  for (const auto& [text, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"no json", "attribute curve"},
           {R"({"kind":"spiral","bend_files":[],"arc_length":[0,1,2],"straight_length":1})", "spiral"},
           {R"({"kind":"chain","bend_files":[],"arc_length":[0,1],"straight_length":1})", "arc_length: expected 3"},
           {R"({"kind":"chain","bend_files":[],"arc_length":[0,1,"x"],"straight_length":1})", "found 'x'"},
           {R"({"kind":"chain","bend_files":[],"arc_length":[0,1,2],"straight_length":1,"train":{"loss_barrier":)"
            R"({"height":1,"error":0,"t":2},"error_barrier":{"height":0,"error":0,"t":0}}})",
            "train.loss_barrier.t: expected one of the curve's coordinates, found 2"}}) {
    curve.surface.attributes["curve"] = text;
    write_surface(folder / "bad.h5", curve.surface);
    expect_error([&] { read_curve(folder / "bad.h5"); }, {"bad.h5", expected});
  }
  curve.arc_length.pop_back();
  expect_error([&] { write_curve(folder / "short.h5", curve); }, {"2 lengths for 3 points"});
}

}  // namespace
}  // namespace basin
