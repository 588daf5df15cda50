// `basin plot` on small surfaces, in every kind and format, by gnuplot itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "landscape/surface_file.h"
#include "tests/temporary_folder.h"
#include "tests/tools/run_command.h"

namespace basin {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

SurfaceValues values_at(const Surface& surface) {
  SurfaceValues values(surface.size());
  for (std::size_t row = 0; row < surface.rows(); ++row)
    for (std::size_t column = 0; column < surface.columns(); ++column) {
      const double x = surface.x[column], y = surface.y ? (*surface.y)[row] : 0;
      values.set(row * surface.columns() + column,
                 {.loss = 0.02 + 3 * x * x + 2 * y * y, .loss_error = 0.01, .accuracy = 100 - 30 * std::abs(x)});
    }
  return values;
}

Surface surface_of(std::size_t nx, std::size_t ny) {
  Surface surface;
  for (std::size_t i = 0; i < nx; ++i)
    surface.x.push_back(nx == 1 ? 0 : -1 + 2.0 * static_cast<double>(i) / static_cast<double>(nx - 1));
  if (ny > 0) {
    surface.y.emplace();
    for (std::size_t i = 0; i < ny; ++i)
      surface.y->push_back(ny == 1 ? 0 : -1 + 2.0 * static_cast<double>(i) / static_cast<double>(ny - 1));
  }
  surface.train = values_at(surface);
  return surface;
}

class Plot : public ::testing::Test {
 protected:
  Plot() {
    write_surface(folder_ / "plane.h5", surface_of(11, 9));
    Surface line = surface_of(21, 0);
    line.test = line.train;
    write_surface(folder_ / "line.h5", line);
  }
  CommandResult plot(const std::string& arguments) { return run_command(folder_.path(), "plot " + arguments); }
  std::string picture(const std::string& name) { return read_file(folder_ / name); }
  // It fails with one line that says all of these, and draws nothing.
  void expect_failure(const std::string& arguments, std::initializer_list<std::string> parts) {
    const CommandResult result = plot(arguments + " --out bad.png");
    EXPECT_NE(result.status, 0) << arguments;
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
    for (const std::string& part : parts)
      EXPECT_NE(result.errors.find(part), std::string::npos) << part << " in " << result.errors;
    EXPECT_FALSE(fs::exists(folder_ / "bad.png"));
  }

  TemporaryFolder folder_;
};

// Width or height in the header of a PNG (ISO 15948, 11.2.2).
int png_extent(const std::string& png, std::size_t at) {
  int value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value * 256 + static_cast<unsigned char>(png.at(i));
  return value;
}

TEST_F(Plot, DrawsEveryKindInEveryFormat) {
  for (const std::string kind : {"contour", "filled", "heatmap", "surface", "contour,surface", "line"}) {
    const std::string file = kind == "line" ? "line.h5" : "plane.h5";
    for (const char* log : {"", " --log"}) {
      const std::string flags = file + " --kind " + kind + log;
      ASSERT_EQ(plot(flags + " --out p.png --size 700x640").status, 0) << flags;
      const std::string png = picture("p.png");
      EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
      EXPECT_EQ(png_extent(png, 16), 700);
      EXPECT_EQ(png_extent(png, 20), 640);
      ASSERT_EQ(plot(flags + " --out p.svg").status, 0) << flags;
      EXPECT_NE(picture("p.svg").find("</svg>"), std::string::npos);
      ASSERT_EQ(plot(flags + " --out p.pdf").status, 0) << flags;
      EXPECT_EQ(picture("p.pdf").substr(0, 5), "%PDF-");
    }
  }
}

TEST_F(Plot, WritesTheLevelsOnTheLines) {
  ASSERT_EQ(plot("plane.h5 --levels 0.7,1.3 --out p.svg").status, 0);
  const std::string svg = picture("p.svg");
  for (const char* text : {">0.7<", ">1.3<", ">plane<", ">α<", ">β<"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  EXPECT_EQ(svg.find(">0.9<"), std::string::npos);
}

TEST_F(Plot, CountsGapsAndDrawsTheRest) {
  Surface surface = surface_of(11, 9);
  surface.train->loss[0] = std::nan("");
  surface.train->loss[98] = kInfinity;
  surface.train->valid[50] = 0;
  write_surface(folder_ / "gaps.h5", surface);
  for (const char* kind : {"contour", "filled", "heatmap", "surface"}) {
    const CommandResult result = plot(std::string("gaps.h5 --out g.png --json --kind ") + kind);
    ASSERT_EQ(result.status, 0) << result.errors;
    const Json json = Json::parse(result.output);
    EXPECT_EQ(json["missing"], 3);
    EXPECT_EQ(json["points"], 99);
    EXPECT_EQ(json["kind"], kind);
    EXPECT_EQ(json["out"], "g.png");
    EXPECT_NEAR(json["min"].get<double>(), 0.02, 0.1);
    EXPECT_TRUE(json["max"].get<double>() <= 5.02);
  }
  EXPECT_NE(plot("gaps.h5 --out g.png").errors.find("3 of 99 points"), std::string::npos);
}

TEST_F(Plot, DrawsFilesSideBySide) {
  ASSERT_EQ(plot("plane.h5 --out one.png").status, 0);
  Surface surface = surface_of(5, 5);
  surface.attributes["model"] = "resnet20";
  write_surface(folder_ / "other.h5", surface);
  ASSERT_EQ(plot("plane.h5 other.h5 --out two.png --title 'it''s two'").status, 0);
  EXPECT_GT(png_extent(picture("two.png"), 16), 1.3 * png_extent(picture("one.png"), 16));
}

TEST_F(Plot, KeepsAScriptThatGnuplotRuns) {
  ASSERT_EQ(plot("plane.h5 --kind filled --out p.svg --keep-script").status, 0);
  const std::string drawn = picture("p.svg");
  fs::remove(folder_ / "p.svg");
  ASSERT_EQ(std::system(("cd '" + folder_.path().string() + "' && gnuplot -d p.gnuplot").c_str()), 0);
  EXPECT_EQ(picture("p.svg").size(), drawn.size());
}

TEST_F(Plot, DrawsReversedRangesAndValuesThatAreAllEqual) {
  Surface surface = surface_of(7, 7);
  std::reverse(surface.x.begin(), surface.x.end());
  std::fill(surface.train->loss.begin(), surface.train->loss.end(), 2.5);
  write_surface(folder_ / "flat.h5", surface);
  for (const char* kind : {"contour", "filled", "heatmap", "surface"}) {
    const CommandResult result = plot(std::string("flat.h5 --out f.png --kind ") + kind);
    EXPECT_EQ(result.status, 0) << kind << result.errors;
  }
}

TEST_F(Plot, SaysWhatIsWrong) {
  expect_failure("plane.h5 --kind contuor", {"contuor", "did you mean contour?"});
  expect_failure("plane.h5 --kind line", {"plane.h5", "11 x 9", "not a line"});
  expect_failure("line.h5 --kind contour", {"line.h5", "21", "not a plane"});
  expect_failure("plane.h5 line.h5", {"plane.h5", "line.h5"});
  expect_failure("plane.h5 --value test_loss", {"plane.h5", "no test_loss", "train_loss"});
  expect_failure("plane.h5 --value train_los", {"train_los", "did you mean --value train_loss?"});
  expect_failure("plane.h5 --size 9x9", {"--size"});
  expect_failure("plane.h5 --min 3 --max 1", {"--min"});
  expect_failure("nothing.h5", {"nothing.h5"});
  write_file(folder_ / "broken.h5", "not HDF5");
  expect_failure("broken.h5", {"broken.h5"});
  write_surface(folder_ / "row.h5", surface_of(5, 1));
  expect_failure("row.h5", {"2 x 2", "5 x 1"});
  EXPECT_NE(plot("plane.h5 --out p.jpg").errors.find(".png, .svg or .pdf"), std::string::npos);
}

TEST_F(Plot, NamesThePackageWhereGnuplotIsMissing) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  const CommandResult missing = plot("plane.h5 --out q.png");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.errors.find("gnuplot-nox"), std::string::npos) << missing.errors;
  EXPECT_FALSE(fs::exists(folder_ / "q.png"));
}

}  // namespace
}  // namespace basin
