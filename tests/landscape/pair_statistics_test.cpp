#include "landscape/pair_statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/temporary_folder.h"

namespace basin {
namespace {

// Three points; the losses of pair k are 1, 2, 3 plus k.
Surface pair_of(double k) {
  Surface surface;
  surface.x = {-1, 0, 1};
  surface.train.emplace(3);
  for (std::size_t i = 0; i < 3; ++i) surface.train->set(i, {1.0 + static_cast<double>(i) + k, 0.1, 50 + k, 1, 0});
  return surface;
}

TEST(PairStatistics, MeanSpreadAndQuantiles) {
  const TemporaryFolder folder;
  std::vector<Surface> pairs;
  for (int k = 0; k <= 10; ++k) pairs.push_back(pair_of(k));
  pairs[4].train->valid[2] = 0;
  write_surface(folder / "m.h5", mean_surface(pairs));
  const Surface mean = read_surface(folder / "m.h5");
  EXPECT_EQ(mean.train->loss[0], 6);
  EXPECT_EQ(mean.train->accuracy[1], 55);
  EXPECT_NEAR(mean.further.at("train_loss_sd")[0], std::sqrt(11.0), 1e-12);  // of 0 ... 10: variance 11
  EXPECT_NEAR(mean.train->loss_error[0], 1, 1e-12);
  EXPECT_EQ(mean.further.at("train_loss_min")[1], 2);
  EXPECT_NEAR(mean.further.at("train_loss_q10")[1], 3, 1e-12);
  EXPECT_EQ(mean.further.at("train_loss_median")[1], 7);
  EXPECT_NEAR(mean.further.at("train_loss_q90")[1], 11, 1e-12);
  EXPECT_EQ(mean.further.at("train_loss_max")[1], 12);
  EXPECT_EQ(mean.train->valid[2], 0);
  EXPECT_TRUE(std::isnan(mean.further.at("train_loss_max")[2]));
}

TEST(PairStatistics, WhatIsNotFiniteIsData) {
  std::vector<Surface> pairs{pair_of(0), pair_of(1)};
  pairs[1].train->loss[0] = std::numeric_limits<double>::infinity();
  pairs[1].train->loss[1] = std::nan("");
  const Surface mean = mean_surface(pairs);
  EXPECT_TRUE(std::isinf(mean.train->loss[0]));
  EXPECT_EQ(mean.further.at("train_loss_min")[0], 1);
  EXPECT_TRUE(std::isinf(mean.further.at("train_loss_max")[0]));
  EXPECT_TRUE(std::isnan(mean.train->loss[1]));
}

TEST(PairStatistics, Metrics) {
  const std::vector<Metric> mean =
      mean_metrics({{{"a", 1, 9, "%", "grid"}, {"b", 1, 0, "", ""}}, {{"a", 3, 9, "%", "grid"}}});
  ASSERT_EQ(mean.size(), 1u);
  EXPECT_EQ(mean[0].value, 2);
  EXPECT_EQ(mean[0].error, 1);
  EXPECT_EQ(mean[0].error_kind, "pairs of directions");
}

TEST(PairStatistics, RefusesDifferentGrids) {
  Surface other = pair_of(1);
  other.x[2] = 2;
  expect_error([&] { mean_surface({pair_of(0), other}); }, {"different grids"});
}

}  // namespace
}  // namespace basin
