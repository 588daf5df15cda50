#include "landscape/hessian/hessian_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/atomic_file.h"
#include "landscape/hdf5.h"
#include "landscape/hessian/map_file.h"
#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

HessianReport some_report() {
  HessianReport report;
  report.largest = {{{12.5, 1e-3, true}, 0.5}, {{3, 0.2, false}, std::nan("")}};
  report.smallest = {{{-1.5, 1e-4, true}, 0.1}};
  report.trace = TraceReport{20, {1, 2, 4.5}};
  report.probes = {{{-1, 0, 2}, {0.2, 0.5, 0.3}}, {{0.5, 1}, {0.6, 0.4}}};  // the second ended early
  report.density = spectral_density(report.probes, 5, 0.5);
  report.attributes = {{"configuration", "{}"}, {"model", "resnet20"}};
  return report;
}

TEST(HessianFile, KeepsAReport) {
  const TemporaryFolder folder;
  const HessianReport report = some_report();
  write_hessian(folder / "h.h5", report);
  const HessianReport found = read_hessian(folder / "h.h5");
  EXPECT_EQ(found.attributes, report.attributes);
  ASSERT_EQ(found.largest.size(), 2u);
  EXPECT_EQ(found.largest[0].numerical.value, 12.5);
  EXPECT_EQ(found.largest[0].sampling_error, 0.5);
  EXPECT_FALSE(found.largest[1].numerical.converged);
  EXPECT_TRUE(std::isnan(found.largest[1].sampling_error));
  ASSERT_EQ(found.smallest.size(), 1u);
  EXPECT_EQ(found.smallest[0].numerical.residual, 1e-4);
  EXPECT_EQ(found.trace->samples, report.trace->samples);
  EXPECT_EQ(found.trace->estimate().value, 22.5);
  EXPECT_NEAR(found.trace->estimate().error, std::sqrt(6.5 / 2 / 3), 1e-15);
  ASSERT_EQ(found.probes.size(), 2u);
  EXPECT_EQ(found.probes[1].nodes, report.probes[1].nodes);
  EXPECT_EQ(found.probes[0].weights, report.probes[0].weights);
  EXPECT_EQ(found.density->density, report.density->density);
  EXPECT_EQ(found.density->width, 0.5);
  const std::string bytes = read_file(folder / "h.h5");
  write_hessian(folder / "h.h5", report);
  EXPECT_EQ(read_file(folder / "h.h5"), bytes);
}

TEST(HessianFile, EachPartMayBeAbsent) {
  const TemporaryFolder folder;
  write_hessian(folder / "h.h5", {});
  const HessianReport found = read_hessian(folder / "h.h5");
  EXPECT_TRUE(found.largest.empty() && found.smallest.empty() && found.probes.empty());
  EXPECT_FALSE(found.trace || found.density);
}

TEST(HessianFile, RefusesOtherFiles) {
  const TemporaryFolder folder;
  write_hessian_map(folder / "m.h5", HessianMap({0, 1}, std::nullopt));
  expect_error([&] { read_hessian(folder / "m.h5"); },
               {"m.h5", "format", "'basin hessian 1'", "'basin hessian map 1'"});
  write_hessian(folder / "h.h5", {});
  expect_error([&] { read_hessian_map(folder / "h.h5"); }, {"h.h5", "'basin hessian map 1'", "'basin hessian 1'"});
}

TEST(HessianMapFile, KeepsAMap) {
  const TemporaryFolder folder;
  HessianMap map({-1, 0, 1}, std::vector<double>{0, 0.5});
  map.set(4, {8, 1e-2, true}, {-2, 3e-2, false}, 17);
  map.set(0, {std::nan(""), std::nan(""), false}, {std::nan(""), std::nan(""), false}, 0);
  map.direction_file = "m.directions.h5";
  map.attributes["configuration"] = "{}";
  write_hessian_map(folder / "m.h5", map);
  const HessianMap found = read_hessian_map(folder / "m.h5");
  EXPECT_EQ(found.x, map.x);
  EXPECT_EQ(found.y, map.y);
  EXPECT_EQ(found.valid, (std::vector<std::uint8_t>{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(found.ratio(4), 0.25);
  EXPECT_TRUE(std::isnan(found.ratio(0)));
  EXPECT_TRUE(std::isnan(found.ratio(1)));
  EXPECT_EQ(found.largest.value[1], -1);  // the reference tool's marks
  EXPECT_EQ(found.smallest.value[1], 1);
  EXPECT_EQ(found.products[4], 17);
  EXPECT_EQ(found.smallest.converged[4], 0);
  EXPECT_EQ(found.direction_file, "m.directions.h5");
  EXPECT_EQ(found.attributes, map.attributes);
}

// The reference tool adds two datasets to its surface file, and declares (nx, ny) while row = y.
TEST(HessianMapFile, ReadsTheReferenceTools) {
  const TemporaryFolder folder;
  Hdf5Writer file(folder / "r.h5");
  file.write("xcoordinates", std::vector<double>{-1, 0, 1}, {3});
  file.write("ycoordinates", std::vector<double>{0, 1}, {2});
  file.write("max_eig", std::vector<double>{1, 2, 3, 4, 5, -1}, {3, 2});
  file.write("min_eig", std::vector<double>{-1, -1, 0, -2, 1, 1}, {3, 2});
  file.save();
  const HessianMap map = read_hessian_map(folder / "r.h5");
  EXPECT_EQ(map.valid, (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(map.ratio(3), 0.5);
  EXPECT_TRUE(std::isnan(map.largest.residual[0]));
}

}  // namespace
}  // namespace basin
