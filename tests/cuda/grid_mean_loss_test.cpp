#include "cuda/grid/mean_loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "cuda/grid/resident.h"
#include "cuda/simt/simt.h"
#include "landscape/measurement.h"
#include "tests/cuda/device_array.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

struct Images {
  std::vector<float> loss;
  std::vector<std::uint8_t> outcome;
};
Images images(std::int64_t count) {
  Images drawn;
  const Random random(1, random_stream("mean loss"));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    drawn.loss.push_back(static_cast<float>(std::exp(3 * random.normal(index))));
    drawn.outcome.push_back(static_cast<std::uint8_t>(random.below(8, index)));
  }
  return drawn;
}

std::vector<PointLosses> run_mean_losses(const Images& in, const std::vector<std::int32_t>& bad_weights) {
  const auto points = static_cast<std::int64_t>(bad_weights.size());
  const std::int64_t count = static_cast<std::int64_t>(in.loss.size()) / points;
  const DeviceArray<float> loss({points, count}, in.loss);
  const DeviceArray<std::uint8_t> outcome({points, count}, in.outcome);
  const DeviceArray<std::int32_t> bad({points}, bad_weights);
  const DeviceBuffer results(Stream(), bad_weights.size() * sizeof(PointLosses));
  mean_losses(Stream(), loss.view(), outcome.view(), bad.view(), results.as<PointLosses>());
  std::vector<PointLosses> values(bad_weights.size());
  copy_to_host(Stream(), values.data(), results.data(), values.size() * sizeof(PointLosses));
  return values;
}

TEST(CudaGridMeanLoss, AgreesWithTheMeasurementOfTheCpu) {
  for (const std::int64_t count : {1, 2, 31, 256, 257, 1003}) {
    const Images in = images(3 * count);
    const std::vector<std::int32_t> bad = {0, 5, 0};
    const std::vector<PointLosses> found = run_mean_losses(in, bad);
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<ImageLoss> list;
      std::int32_t overflowed = 0, correct = 0;
      for (std::size_t i = k * static_cast<std::size_t>(count); i < (k + 1) * static_cast<std::size_t>(count); ++i) {
        const bool right = (in.outcome[i] & Outcome::kCorrect) != 0;
        list.push_back({in.loss[i], right, (in.outcome[i] & Outcome::kNotFinite) == 0});
        overflowed += (in.outcome[i] & Outcome::kOverflowed) != 0;
        correct += right;
      }
      const Measurement exact = measure(list);
      const auto n = static_cast<double>(count);
      EXPECT_NEAR(found[k].mean, exact.loss, 1e-14 * n * exact.loss);
      EXPECT_EQ(found[k].correct, correct);
      EXPECT_EQ(found[k].not_finite, exact.non_finite);
      EXPECT_EQ(found[k].overflowed, overflowed);
      EXPECT_EQ(found[k].bad_weights, bad[k]);
      EXPECT_EQ(found[k].trusted(), overflowed == 0 && bad[k] == 0);
      if (count > 1) {
        const double error = std::sqrt(found[k].squared_deviations / (n - 1) / n);
        EXPECT_NEAR(error, exact.loss_error, 1e-12 * exact.loss_error);
      } else {
        EXPECT_EQ(found[k].squared_deviations, 0);
      }
    }
  }
}

TEST(CudaGridMeanLoss, IsTheSameInEveryOrderOfWarps) {
  const Images in = images(700);
  const std::vector<PointLosses> first = run_mean_losses(in, {0, 0});
  for (const std::uint64_t seed : {2, 3}) {
    simt::options().seed = seed;
    const std::vector<PointLosses> other = run_mean_losses(in, {0, 0});
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_EQ(other[k].mean, first[k].mean);
      EXPECT_EQ(other[k].squared_deviations, first[k].squared_deviations);
    }
  }
  simt::options().seed = 1;
}

TEST(CudaGridMeanLoss, KeepsWhatIsNotFinite) {
  Images in = images(40);
  in.loss[7] = INFINITY;
  in.loss[23] = NAN;
  const std::vector<PointLosses> found = run_mean_losses(in, {0, 0});
  EXPECT_EQ(found[0].mean, INFINITY);
  EXPECT_TRUE(std::isnan(found[1].mean));
}

TEST(CudaGridMeanLoss, ReadsWhatItSays) {
  const Images in = images(2 * 500);
  simt::reset_counters();
  run_mean_losses(in, {0, 0});
  const simt::Counters counters = simt::counters();
  const Cost cost = mean_losses_cost(2, 500);
  EXPECT_EQ(counters.global_read_bytes, static_cast<std::uint64_t>(cost.bytes_read));
  EXPECT_EQ(counters.global_written_bytes, static_cast<std::uint64_t>(cost.bytes_written));
}

TEST(CudaGridMeanLoss, RefusesWhatDoesNotFit) {
  const DeviceArray<float> loss({2, 3});
  const DeviceArray<std::uint8_t> outcome({3, 2});
  const DeviceArray<std::int32_t> bad({2});
  expect_error([&] { mean_losses(Stream(), loss.view(), outcome.view(), bad.view(), nullptr); }, {"mean_losses: "});
}

}  // namespace
}  // namespace basin::cuda
