#include "landscape/engines.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/expect_error.h"
#include "tests/landscape/landscape_values.h"

namespace basin {
namespace {

// A table of engines that are never made: two kinds of obstacle and shares.
std::string no_tiles() { return "the processor has no tiles"; }
std::string no_obstacle() { return ""; }
double half(const EngineRequest&) { return 0.5; }
double nine_tenths(const EngineRequest&) { return 0.9; }
double unknown(const EngineRequest&) { return std::numeric_limits<double>::quiet_NaN(); }

Engine engine(const std::string& name, std::string (*obstacle)(), double (*share)(const EngineRequest&)) {
  Engine result;
  result.name = name;
  result.use = "the use of " + name;
  result.obstacle = obstacle;
  result.share = share;
  return result;
}

EngineRequest request_for(const std::string& model) {
  Plan plan;
  plan.model = model;
  EngineRequest request;
  request.plan = std::make_shared<const Plan>(plan);
  return request;
}

std::string best_of(const std::vector<Engine>& table) { return best_engine(table, request_for("net")).name; }

TEST(Engines, AutoTakesTheFirstThatRunsHereAndSuitsTheNetwork) {
  const Engine tiles = engine("tiles", no_obstacle, nine_tenths), plain = engine("plain", nullptr, nullptr);
  EXPECT_EQ(best_of({tiles, plain}), "tiles");
  EXPECT_EQ(best_of({plain, tiles}), "plain");
  EXPECT_EQ(best_of({engine("tiles", no_tiles, nine_tenths), plain}), "plain");
  EXPECT_EQ(best_of({engine("tiles", no_obstacle, half), plain}), "plain");
  EXPECT_EQ(best_of({engine("tiles", no_obstacle, unknown), plain}), "plain");
  expect_error([&] { best_of({engine("tiles", no_obstacle, half)}); }, {"engine auto", "none runs net"});
}

TEST(Engines, AutoTakesWhatRunsOnTheDevicesAndComputesWhatIsAskedFor) {
  Engine fast = engine("fast", nullptr, nullptr), both = engine("both", nullptr, nullptr),
         plain = engine("plain", nullptr, nullptr);
  fast.on_gpu = both.on_gpu = both.recomputes = true;
  both.exact = plain.exact = "exact";
  const std::vector<Engine> table{fast, both, plain};
  EngineRequest request = request_for("net");
  EXPECT_EQ(best_engine(table, request).name, "plain");
  expect_error([&] { check_request(fast, request); }, {"engine fast: runs on GPUs"});
  request.devices = {&cpu_backend()};  // any one
  EXPECT_EQ(best_engine(table, request).name, "fast");
  check_request(fast, request);
  expect_error([&] { check_request(plain, request); }, {"engine plain: runs on the CPU, not on cpu"});
  request.precision = LandscapePrecision::exact;
  EXPECT_EQ(best_engine(table, request).name, "both");
  expect_error([&] { check_request(fast, request); }, {"engine fast", "not exact"});
  request.precision = LandscapePrecision::fast;
  request.set.statistics = BatchStatistics::recomputed;
  EXPECT_EQ(best_engine(table, request).name, "both");
  expect_error([&] { check_request(fast, request); }, {"engine fast", "statistics"});
}

TEST(Engines, AreFoundByName) {
  const std::vector<Engine> table{engine("tiles", no_tiles, half), engine("plain", nullptr, nullptr)};
  EXPECT_EQ(&find_engine(table, "plain"), &table[1]);
  expect_error([&] { find_engine(table, "plane"); }, {"'plane'", "did you mean plain?", "auto, tiles, plain"});
  expect_error([&] { find_engine(table, "tiles"); }, {"engine tiles: the processor has no tiles"});
}

TEST(Engines, TheReportBeginsWithTheChosenOne) {
  const Engine tiles = engine("tiles", no_obstacle, half), plain = engine("plain", nullptr, nullptr),
               check = engine("check", nullptr, nullptr);
  const auto with = report_engines(std::vector{tiles, plain, check}, "no GPU");
  EXPECT_EQ(
      with[0].reason,
      "the fastest that this processor runs, for networks with at least 90 % of their multiply-adds in its kernels");
  EXPECT_EQ(with[1].reason, "for every other network");
  EXPECT_EQ(with[2].reason, "the use of check; only by --engine check");
  const auto without = report_engines(std::vector{engine("tiles", no_tiles, half), plain, check}, "no GPU");
  EXPECT_EQ(without[0].name, "plain");
  EXPECT_EQ(without[0].reason, "the fastest that this processor runs, for every network");
  EXPECT_EQ(without[1].name, "tiles");
  EXPECT_FALSE(without[1].available);
  EXPECT_EQ(without[1].reason, "the processor has no tiles");
  EXPECT_TRUE(without[2].available);
}

TEST(Engines, TheReportBeginsWithTheGpuWhereThereIsOne) {
  Engine fast = engine("fast", nullptr, half), plain = engine("plain", nullptr, nullptr);
  fast.on_gpu = true;
  const auto with = report_engines(std::vector{fast, plain}, "");
  EXPECT_EQ(with[0].name, "fast");
  EXPECT_EQ(with[0].reason,
            "the fastest on a GPU, for networks with at least 90 % of their multiply-adds in its kernels");
  const auto without = report_engines(std::vector{fast, plain}, "no GPU");
  EXPECT_EQ(without[0].name, "plain");
  EXPECT_EQ(without[1].name, "fast");
  EXPECT_FALSE(without[1].available);
  EXPECT_EQ(without[1].reason, "no GPU");
}

TEST(Engines, SayWhatTheirEvaluatorsCompute) {
  const SmallLandscape small("resnet20", 2, 1);
  for (const Engine& each : cpu_engines()) {
    EXPECT_TRUE(each.exact.starts_with("exact (")) << each.exact;
    if (!obstacle_of(each).empty()) {
      expect_error([&] { make_evaluator(small.plane(), small.set(), {each.name}); },
                   {"engine " + each.name, obstacle_of(each)});
      continue;
    }
    for (const LandscapePrecision precision : {LandscapePrecision::exact, LandscapePrecision::fast}) {
      const auto evaluator = make_evaluator(small.plane(), small.set(), {each.name, 1, precision});
      EXPECT_EQ(evaluator->engine(), each.name);
      EXPECT_EQ(evaluator->precision(), precision == LandscapePrecision::exact ? each.exact : each.fast);
    }
  }
}

TEST(Engines, PrecisionsHaveNames) {
  for (const auto precision : {LandscapePrecision::automatic, LandscapePrecision::exact, LandscapePrecision::fast})
    EXPECT_EQ(parse_landscape_precision(name_of(precision)), precision);
  expect_error([] { parse_landscape_precision("fasst"); }, {"--precision", "did you mean fast?"});
}

}  // namespace
}  // namespace basin
