#include "landscape/metrics/surface_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numbers>

#include "core/random.h"
#include "landscape/estimate.h"
#include "landscape/grid.h"
#include "landscape/metrics/metric_json.h"

namespace basin {
namespace {

using Loss = std::function<double(double x, double y)>;

// A surface of that loss, with the standard error `error` everywhere.
Surface surface_of(const Loss& loss, const Range& x, const Range& y, double error = 0) {
  Surface surface;
  surface.x = x.values();
  surface.y = y.values();
  surface.train.emplace(surface.size());
  for (std::size_t r = 0; r < surface.rows(); ++r)
    for (std::size_t c = 0; c < surface.columns(); ++c)
      surface.train->set(r * surface.columns() + c, {loss(surface.x[c], (*surface.y)[r]), error, 50, 1, 0});
  return surface;
}

std::map<std::string, Metric> metrics_of(const Surface& surface) {
  std::map<std::string, Metric> result;
  for (const Metric& metric : surface_metrics(surface, *surface.train)) result[metric.name] = metric;
  return result;
}

double bowl(double x, double y) { return 0.2 + 2 * x * x + 0.5 * y * y; }

TEST(SurfaceMetrics, OfABowl) {
  const double s = 0.01;
  auto metrics = metrics_of(surface_of(bowl, {-1, 1, 81}, {-1, 1, 81}, s));
  EXPECT_EQ(metrics["loss_center"].value, 0.2);
  EXPECT_EQ(metrics["loss_center"].error, s);
  EXPECT_EQ(metrics["loss_max"].value, 2.7);
  EXPECT_EQ(metrics["non_convex_share"].value, 0);
  EXPECT_EQ(metrics["local_minima"].value, 1);
  EXPECT_EQ(metrics["local_minima"].error, 1);  // its neighbours are 0.001 higher: within the error
  // An ellipse of half axes sqrt(h / 2), sqrt(h / 0.5), of area pi h, in a square of area 4; the level moves it by pi
  // s.
  const Metric area = metrics["basin_area_0.1"];
  EXPECT_NEAR(area.value, 100 * std::numbers::pi * 0.1 / 4, 0.3);
  EXPECT_NEAR(area.error, 100 * std::numbers::pi * s / 4, 0.3);
  EXPECT_NEAR(metrics["contour_radius_0.1_min"].value, std::sqrt(0.1 / 2), 1e-3);
  EXPECT_NEAR(metrics["contour_radius_0.1_max"].value, std::sqrt(0.1 / 0.5), 1e-3);
  EXPECT_NEAR(metrics["contour_radius_0.1_min"].error, std::sqrt(0.1 / 2) * s / 0.1 / 2, 1e-3);
  EXPECT_NEAR(metrics["curvature_max"].value, 4, 1e-9);
  EXPECT_NEAR(metrics["curvature_min"].value, 1, 1e-9);
  EXPECT_NEAR(metrics["quadric_residual"].value, 0, 1e-9);
}

// Rotation mixes the axes and changes no number of a quadratic surface.
TEST(SurfaceMetrics, DoNotDependOnTheAxes) {
  const auto rotated = [](double x, double y) {
    const double c = std::cos(0.6), s = std::sin(0.6);
    return bowl(c * x - s * y, s * x + c * y);
  };
  auto straight = metrics_of(surface_of(bowl, {-1, 1, 81}, {-1, 1, 81})),
       turned = metrics_of(surface_of(rotated, {-1, 1, 81}, {-1, 1, 81}));
  for (const char* name : {"curvature_max", "curvature_min", "non_convex_share", "local_minima"})
    EXPECT_NEAR(turned[name].value, straight[name].value, 1e-8) << name;
  EXPECT_NEAR(turned["contour_radius_0.1"].value, straight["contour_radius_0.1"].value, 1e-3);
  EXPECT_NEAR(turned["basin_area_0.1"].value, straight["basin_area_0.1"].value, 0.5);
}

TEST(SurfaceMetrics, OfReversedAndOblongGrids) {
  const Surface plain = surface_of(bowl, {-1, 1, 41}, {-0.5, 1, 31}),
                reversed = surface_of(bowl, {1, -1, 41}, {1, -0.5, 31});
  auto expected = metrics_of(plain), found = metrics_of(reversed);
  for (const auto& [name, metric] : expected) {
    EXPECT_NEAR(found[name].value, metric.value, 1e-9) << name;
  }
}

TEST(SurfaceMetrics, OfASaddleAPlaneAndTwoWells) {
  auto saddle = metrics_of(surface_of([](double x, double y) { return x * x - y * y; }, {-1, 1, 21}, {-1, 1, 21}));
  EXPECT_EQ(saddle["non_convex_share"].value, 100);
  EXPECT_EQ(saddle["non_convex_share"].error, 0);
  EXPECT_EQ(saddle["local_minima"].value, 0);
  EXPECT_NEAR(saddle["curvature_min"].value, -2, 1e-9);
  EXPECT_EQ(saddle["contour_radius_0.1"].value, std::numeric_limits<double>::infinity());
  auto slope = metrics_of(surface_of([](double x, double y) { return 3 + x + 2 * y; }, {-1, 1, 21}, {-1, 1, 21}));
  EXPECT_NEAR(slope["curvature_max"].value, 0, 1e-9);
  EXPECT_EQ(slope["local_minima"].value, 0);
  EXPECT_NEAR(slope["basin_area_0.1"].value, 52.5, 3);  // below x + 2 y = 0.1
  const auto wells = [](double x, double y) { return std::min(std::hypot(x - 0.5, y), std::hypot(x + 0.5, y)); };
  auto two = metrics_of(surface_of(wells, {-1, 1, 41}, {-1, 1, 41}, 1e-3));
  EXPECT_EQ(two["local_minima"].value, 2);
  EXPECT_EQ(two["local_minima"].error, 0);
}

// The basin is what is connected with the centre.
TEST(SurfaceMetrics, OneOfTwoBasins) {
  const auto wells = [](double x, double y) { return std::min(x * x + y * y, (x - 1.6) * (x - 1.6) + y * y); };
  auto metrics = metrics_of(surface_of(wells, {-2, 2, 161}, {-2, 2, 161}));
  EXPECT_NEAR(metrics["basin_area_0.1"].value, 100 * std::numbers::pi * 0.1 / 16, 0.15);
}

TEST(SurfaceMetrics, GapsAreOutside) {
  Surface surface = surface_of(bowl, {-1, 1, 41}, {-1, 1, 41}, 0.01);
  const auto whole = metrics_of(surface);
  for (std::size_t i = 0; i < surface.size(); ++i) {
    if (surface.x[i % 41] > 0.6) surface.train->loss[i] = std::nan("");
    if (surface.x[i % 41] < -0.6) surface.train->valid[i] = 0;
  }
  auto found = metrics_of(surface);
  EXPECT_NEAR(found["basin_area_0.1"].value, whole.at("basin_area_0.1").value, 1e-12);
  EXPECT_EQ(found["non_convex_share"].value, 0);
  EXPECT_NEAR(found["loss_max"].value, 0.2 + 2 * 0.36 + 0.5, 1e-9);
  EXPECT_NEAR(found["curvature_max"].value, 4, 1e-9);
  for (std::uint8_t& flag : surface.train->valid) flag = 0;
  EXPECT_TRUE(metrics_of(surface).empty());
}

// Noise about a quadric: the fit's errors are those of many fits.
TEST(SurfaceMetrics, ErrorsOfTheFit) {
  std::vector<double> curvatures;
  double stated = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Random random(seed, 1);
    std::uint64_t index = 0;
    auto metrics =
        metrics_of(surface_of([&](double x, double y) { return 5 + bowl(x, y) + 0.01 * random.normal(index++); },
                              {-0.5, 0.5, 11}, {-0.5, 0.5, 11}));
    curvatures.push_back(metrics["curvature_max"].value);
    stated += metrics["curvature_max"].error / 60;
  }
  const Estimate estimate = estimate_of(std::span<const double>(curvatures));
  EXPECT_NEAR(estimate.value, 4, 4 * estimate.error);
  EXPECT_NEAR(stated, estimate.error * std::sqrt(60.0), 0.3 * stated);
}

TEST(SurfaceMetrics, OfALine) {
  Surface line;
  line.x = Range{-1, 1, 21}.values();
  line.train.emplace(21);
  for (std::size_t i = 0; i < 21; ++i) line.train->set(i, {3 * line.x[i] * line.x[i], 0.01, 50, 1, 0});
  auto metrics = metrics_of(line);
  EXPECT_NEAR(metrics["width_0.1"].value, 2 * std::sqrt(0.1 / 3), 0.02);  // linear between points
  EXPECT_NEAR(metrics["curvature"].value, 6, 1e-9);
  EXPECT_EQ(metrics["local_minima"].value, 1);
  EXPECT_FALSE(metrics.contains("basin_area_0.1"));
}

TEST(MetricJson, KeepsWhatJsonHasNoNumbersFor) {
  const std::vector<Metric> metrics{{"a", 1.5, std::nan(""), "%", "fit"},
                                    {"b", std::numeric_limits<double>::infinity(), 0.25, "", "level"}};
  const std::vector<Metric> found = metrics_of_json(metrics_json(metrics), "test");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].value, 1.5);
  EXPECT_TRUE(std::isnan(found[0].error));
  EXPECT_EQ(found[1].value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(found[1].error_kind, "level");
  EXPECT_EQ(found[0].unit, "%");
}

}  // namespace
}  // namespace basin
