// `basin plot` on what the other commands compute: Hessians, paths, runs, weights, curves.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "landscape/curve/curve_file.h"
#include "landscape/hessian/hessian_file.h"
#include "landscape/hessian/map_file.h"
#include "landscape/surface_file.h"
#include "landscape/trajectory/trajectory_file.h"
#include "tests/tools/network_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

using Json = nlohmann::json;

class PlotScience : public ::testing::Test {
 protected:
  PlotScience() {
    HessianMap map({-1, 0, 1}, std::vector<double>{0, 1});
    for (std::size_t i = 0; i < 5; ++i) map.set(i, {10, 0.1, i != 3}, {-1.0 - static_cast<double>(i), 0.1, true}, 12);
    map.attributes["model"] = "resnet56";
    write_hessian_map(folder_ / "map.h5", map);
    HessianReport report;
    report.probes = {{{0, 1, 8}, {0.6, 0.3, 0.1}}, {{0, 1, 8}, {0.5, 0.4, 0.1}}};
    report.density = spectral_density(report.probes, 200, 0.2);
    report.largest = {{{7.5, 0.1, true}, 0}};
    report.smallest = {{{-0.25, 0.1, true}, 0}};
    write_hessian(folder_ / "h.h5", report);
    Trajectory path;
    path.train = true;
    for (int e = 0; e < 4; ++e) {
      TrajectoryPoint& point = path.points.emplace_back();
      point.projection = {3.0 - e, 0.3 * e * (3 - e), 3.0 - e, 0.1};
      point.epoch = e;
      point.learning_rate = e < 3 ? 0.1 : 0.01;  // falls after epoch 2
      point.truth.train.loss = 2.3 - 0.5 * e;
      point.in_plane.train.loss = 2.2 - 0.5 * e;
    }
    path.variance_ratio = {0.912, 0.05, 0.038};
    path.attributes["runs"] = R"(["runs/a"])";
    write_trajectory(folder_ / "t.h5", path);
    write_surface(folder_ / "plane.h5", surface({-1, 1, 3}));
    write_surface(folder_ / "line.h5", surface({}));
    write_surface(folder_ / "other.h5", surface({}));
  }
  static Surface surface(const std::vector<double>& y) {
    Surface surface;
    surface.x = {-1, 0, 1.5, 4};
    if (!y.empty()) surface.y = y;
    surface.train.emplace(surface.size());
    for (std::size_t i = 0; i < surface.size(); ++i)
      surface.train->set(i, {0.1 + 0.3 * static_cast<double>(i % 5), 0.02, 90, 1, 0});
    return surface;
  }
  CommandResult plot(const std::string& arguments) const { return run_command(folder_.path(), "plot " + arguments); }
  // The script of a picture, which is drawn.
  std::string script(const std::string& arguments, const std::string& kind) const {
    const CommandResult result = plot(arguments + " --out p.png --keep-script --json");
    EXPECT_EQ(result.status, 0) << arguments << ": " << result.errors;
    if (result.status != 0) return "";
    EXPECT_EQ(Json::parse(result.output)["kind"], kind);
    EXPECT_EQ(read_file(folder_ / "p.png").substr(1, 3), "PNG");
    return read_file(folder_ / "p.gnuplot");
  }
  static void expect_parts(const std::string& text, std::initializer_list<std::string> parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  void expect_refused(const std::string& arguments, const std::string& line) const {
    const CommandResult result = plot(arguments + " --out bad.png");
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    EXPECT_NE(result.errors.find(line), std::string::npos) << result.errors;
  }

  NetworkFolder folder_{"resnet8"};
};

TEST_F(PlotScience, EigenvalueMapsWithWhatDidNotConverge) {
  const std::string text = script("map.h5 map.h5", "eigenvalues");
  expect_parts(text,
               {"|λ min / λ max|", "at -1,1 point pt 2", "-1 0 0.1", "0 0 0.2", "0 1 0.5"});  // the ratio as a row
  expect_parts(script("map.h5 --value min", "eigenvalues"), {"λ min", "0 1 -5"});
  expect_refused("map.h5 --value mean", "expected ratio, max or min, found 'mean'");
}

TEST_F(PlotScience, SpectralDensities) {
  expect_parts(script("h.h5", "density"), {"Spectral density", "set logscale y", "filledcurves", "\n-0.25 ", "\n7.5 "});
  // The points that mark eigenvalues are no values of the picture.
  EXPECT_EQ(Json::parse(plot("h.h5 --out p.png --json").output)["points"], 200);
  HessianReport empty;
  write_hessian(folder_ / "empty.h5", empty);
  expect_refused("empty.h5", "holds no spectral density (basin hessian --density N)");
}

TEST_F(PlotScience, PathsAloneAndOverSurfaces) {
  expect_parts(script("t.h5", "trajectory"),
               {"1st component: 91.2 %", "2nd component: 5.0 %", "from the plane", "true"});
  const std::string over = script("plane.h5 --trajectory t.h5", "contour");
  // From (3, 0) to (2, 0.6), and the first epoch's label.
  expect_parts(over, {"set object polygon from 3,0 to 2,0.6", "1st component: 91.2 %", "set label '0' at 3,0"});
  // The point after which the learning rate fell, (1, 0.6), is marked; the one before it is not.
  expect_parts(over, {"at 1,0.6 point pt 7 ps 1.1 lw 1.5 lc rgb '#c01818'", "at 2,0.6 point pt 7 ps 0.7"});
  expect_refused("line.h5 --trajectory t.h5", "--trajectory: lies in a plane");
  expect_refused("t.h5 t.h5", "expected one path, found 2");
}

TEST_F(PlotScience, LinesInOneChart) {
  expect_parts(script("line.h5 other.h5 --kind overlay", "overlay"), {"title 'line'", "title 'other'", "filledcurves"});
  expect_refused("plane.h5 --kind overlay", "is a plane, not a line");
  // Where the loss stands highest above the line between the ends.
  CurveFile curve;
  curve.surface = surface({});
  curve.surface.x = {0, 0.25, 0.5, 1};
  curve.arc_length = {0, 1, 2, 4};
  curve.straight_length = 4;
  curve.train = CurveBarriers{.loss = {.height = 0.25, .error = 0.02, .t = 0.5}, .error = {}};
  write_curve(folder_ / "curve.h5", curve);
  expect_parts(script("curve.h5 line.h5 --kind overlay", "overlay"),
               {"title 'curve: barrier 0.25 ± 0.02'", "\n0.5 0.7\n", "title 'line'"});
}

TEST_F(PlotScience, FilesOfOneKindAreNamedWithoutIt) {
  for (const char* name : {"a.surface.h5", "b.surface.h5"}) write_surface(folder_ / name, surface({-1, 1, 3}));
  expect_parts(script("a.surface.h5 b.surface.h5", "contour"), {"'a'", "'b'"});
  expect_parts(script("a.surface.h5 plane.h5", "contour"), {"'a.surface'", "'plane'"});
}

TEST_F(PlotScience, LongKeysStandBelowTheirChart) {
  const std::string few = script("line.h5 other.h5 --kind overlay", "overlay");
  const std::string many = script("line.h5 other.h5 line.h5 other.h5 line.h5 --kind overlay", "overlay");
  expect_parts(few, {"set key at graph 0.985"});
  expect_parts(many, {"set key at graph 0.5", "maxcols"});
  EXPECT_EQ(many.find("set key at graph 0.985"), std::string::npos);
}

TEST_F(PlotScience, RunsAndWeights) {
  const CommandResult trained = run_command(
      folder_.path(), "train --model resnet8 --data data --epochs 2 --batch 8 --lr 0.02 --quiet --out runs/a");
  ASSERT_EQ(trained.status, 0) << trained.errors;
  expect_parts(script("runs/a --kind norms", "norms"), {"Norm of the parameters", "title 'a'"});
  expect_parts(script("runs/a/ --kind training", "training"), {"title 'a train'", "title 'a test'"});
  expect_parts(script("runs/a/checkpoints/last.safetensors net.safetensors --kind histogram", "histogram"),
               {"histeps", "title 'a, last'", "title 'net'"});
  expect_refused("runs/a", "is a folder: --kind norms or training draws a run");
  expect_refused("net.safetensors --kind norms", "holds no run");
}

TEST_F(PlotScience, SeveralRowsOfPictures) {
  const CommandResult wide = plot("plane.h5 plane.h5 plane.h5 plane.h5 --columns 2 --out p.svg --keep-script");
  ASSERT_EQ(wide.status, 0) << wide.errors;
  const std::string text = read_file(folder_ / "p.gnuplot");
  // Two different left margins, two different top margins.
  const auto distinct = [&](const std::string& what) {
    std::set<std::string> values;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
      values.insert(text.substr(at, what.size() + 8));
    return values.size();
  };
  EXPECT_EQ(distinct("set lmargin at screen "), 2u);
  EXPECT_EQ(distinct("set tmargin at screen "), 2u);
}

}  // namespace
}  // namespace basin
