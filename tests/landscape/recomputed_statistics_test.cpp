#include "landscape/recomputed_statistics.h"

#include <gtest/gtest.h>

#include <map>

#include "core/parallel.h"
#include "tests/expect_error.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/network_edits.h"
#include "tests/landscape/small_networks.h"

namespace basin {
namespace {

// Mean and unbiased variance of each channel, in double.
struct Moments {
  std::vector<double> mean, variance;
};
Moments moments_of(const Tensor& y) {
  const auto channels = static_cast<std::size_t>(y.dim(3));
  const std::vector<float> values = y.to_vector<float>();
  const auto rows = static_cast<double>(values.size() / channels);
  Moments m{std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t i = 0; i < values.size(); ++i) m.mean[i % channels] += values[i] / rows;
  for (std::size_t i = 0; i < values.size(); ++i)
    m.variance[i % channels] += std::pow(values[i] - m.mean[i % channels], 2) / (rows - 1);
  return m;
}

Tensor batch_of(const SmallLandscape& small, std::int64_t first, std::int64_t count) {
  std::vector<float> pixels(static_cast<std::size_t>(count * small.train.image_size()));
  normalize(small.train, small.normalization, first, first + count, pixels.data());
  return Tensor::from<float>({count, 32, 32, 3}, pixels, cpu_backend());
}

TEST(RecomputedStatistics, AreTheAveragesOfBatches) {
  const SmallLandscape small(small_networks()[0], 5, 1);
  const PreparedImages batches(small.train, small.normalization, 2);
  const State state = with_recomputed_statistics(small.model, small.state, batches);
  // The first layer: its batch norm sees the convolution of the images.
  const Tensor weight = small.state.find("a.conv.weight")->value;
  std::vector<double> mean(16), variance(16);
  for (const auto& [first, count] : {std::pair{0, 2}, {2, 2}, {4, 1}}) {
    const Moments m = moments_of(conv2d(batch_of(small, first, count), weight, {.padding = 1}));
    for (std::size_t c = 0; c < 16; ++c) {
      mean[c] += m.mean[c] / 3;
      variance[c] += m.variance[c] / 3;
    }
  }
  const std::vector<float> found_mean = state.find("a.bn.running_mean")->value.to_vector<float>();
  const std::vector<float> found_variance = state.find("a.bn.running_var")->value.to_vector<float>();
  for (std::size_t c = 0; c < 16; ++c) {
    EXPECT_NEAR(found_mean[c], mean[c], 1e-6);
    EXPECT_NEAR(found_variance[c], variance[c], 1e-5 * variance[c]);
  }
  EXPECT_EQ(small.state.find("a.bn.num_batches_tracked")->value.to_vector<std::int64_t>(),
            state.find("a.bn.num_batches_tracked")->value.to_vector<std::int64_t>());
}

bool is_statistic(const Entry& entry) {
  return entry.role == Role::running_mean || entry.role == Role::running_variance;
}

// Training in float64 from statistics of 0 leaves a tenth of each batch's own in them.
std::map<std::string, std::vector<double>> statistics_in_double(const SmallLandscape& small, std::int64_t batch) {
  std::map<std::string, std::vector<double>> sums;
  const std::int64_t count = small.train.count;
  for (std::int64_t first = 0; first < count; first += batch) {
    State state = in_double(small.state);
    for (Entry& entry : state.entries())
      if (is_statistic(entry)) entry.value = Tensor::zeros(entry.value.shape(), DType::f64, cpu_backend());
    const Tensor images = batch_of(small, first, std::min(batch, count - first));
    forward(small.model, state, cast(images, DType::f64), Mode::train);
    for (const Entry& entry : state.entries()) {
      if (!is_statistic(entry)) continue;
      const std::vector<double> values = entry.value.to_vector<double>();
      std::vector<double>& sum = sums[entry.name];
      sum.resize(values.size());
      for (std::size_t c = 0; c < values.size(); ++c)
        sum[c] += 10 * values[c] / static_cast<double>((count + batch - 1) / batch);
    }
  }
  return sums;
}

TEST(RecomputedStatistics, OfAllLayersAreThoseInFloat64) {
  for (const std::size_t network : {3, 6, 7}) {  // bottlenecks, strange, dense
    const SmallLandscape small(small_networks()[network], 5, 1);
    const PreparedImages batches(small.train, small.normalization, 2);
    const State found = with_recomputed_statistics(small.model, small.state, batches);
    const auto truth = statistics_in_double(small, 2);
    for (const Entry& entry : found.entries()) {
      if (!is_statistic(entry)) continue;
      const std::vector<double>& wanted = truth.at(entry.name);
      const std::vector<float> values = entry.value.to_vector<float>();
      double difference = 0, norm = 0;
      for (std::size_t c = 0; c < wanted.size(); ++c) {
        difference += std::pow(static_cast<double>(values[c]) - wanted[c], 2);
        norm += wanted[c] * wanted[c];
      }
      EXPECT_LE(std::sqrt(difference / norm), 1e-5) << small.model.name << " " << entry.name;
    }
  }
}

TEST(RecomputedStatistics, AreTheSameBitsOnAnyNumberOfThreads) {
  const SmallLandscape small("resnet20", 7, 2);
  EvaluationSet set = small.set();
  set.statistics = BatchStatistics::recomputed;
  set.statistics_batch = 3;  // the last one is a single image
  const std::vector<Point> points = {{0, 0}, {0.4, -0.3}};
  const int threads = thread_count();
  std::vector<std::vector<PointResult>> results;
  for (const int count : {1, 2, 3}) {
    set_thread_count(count);
    results.push_back(evaluate_points(*make_evaluator(small.plane(), set), points));
  }
  set_thread_count(threads);
  for (const auto& result : results)
    for (std::size_t k = 0; k < points.size(); ++k) EXPECT_TRUE(same_bits(result[k], results[0][k])) << k;
}

TEST(RecomputedStatistics, OfABatchLargerThanTheSetAreThoseOfTheSet) {
  const SmallLandscape small(small_networks()[0], 3, 1);
  EvaluationSet set = small.set();
  set.statistics = BatchStatistics::recomputed;
  std::vector<PointResult> results;
  for (const std::int64_t batch : {std::int64_t{3}, std::int64_t{1} << 50}) {
    set.statistics_batch = batch;
    results.push_back(evaluate_point(*make_evaluator(small.plane(), set), {0.1, 0.1}));
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
}

// Of 1 x 1 pixels, so that one image gives a channel one value; five images in batches of two leave one.
TEST(RecomputedStatistics, NeedTwoValuesAChannel) {
  const SmallLandscape small(small_networks()[1], 5, 1);  // down to 1 x 1
  EvaluationSet set = small.set();
  set.statistics = BatchStatistics::recomputed;
  set.statistics_batch = 2;
  const auto evaluator = make_evaluator(small.plane(), set);
  expect_error([&] { evaluate_point(*evaluator, {}); }, {"batch norm", "two values"});
  set.statistics_batch = 5;
  EXPECT_TRUE(std::isfinite(evaluate_point(*make_evaluator(small.plane(), set), {}).train.loss));
}

// One batch of all images, normalised by its own statistics, is what training computes but for the unbiased variance.
TEST(RecomputedStatistics, OfOneBatchEvaluateNearlyAsTrainingDoes) {
  SmallLandscape small(small_networks()[3], 6, 1);
  enlarge_logits(small);
  EvaluationSet set = small.set();
  set.test = nullptr;
  set.statistics = BatchStatistics::recomputed;
  const auto evaluator = make_evaluator(small.plane(), set);
  EXPECT_EQ(evaluator->engine(), "autograd");
  const Point at{0.3, -0.2};
  State state = displaced(small.plane(), at);
  const std::vector<float> logits = forward(small.model, state, batch_of(small, 0, 6), Mode::train).to_vector<float>();
  double loss = 0;
  for (std::size_t i = 0; i < 6; ++i)
    loss += image_loss(std::span(logits).subspan(10 * i, 10), small.train.labels[i], Objective::cross_entropy).loss / 6;
  EXPECT_NEAR(evaluate_point(*evaluator, at).train.loss, loss, 2e-3 * loss);
  set.statistics = BatchStatistics::stored;
  EXPECT_GT(std::abs(evaluate_point(*make_evaluator(small.plane(), set), at).train.loss - loss), 0.05 * loss);
}

TEST(RecomputedStatistics, DirectionsCanLeaveTheStatisticsAlone) {
  const SmallLandscape small(small_networks()[0], 1, 1, {DirectionKind::states, Norm::filter, Ignore::none});
  EXPECT_TRUE(moves_statistics(small.x, small.state));
  const Direction still = without_statistics(small.x, small.state);
  EXPECT_FALSE(moves_statistics(still, small.state));
  for (std::size_t i = 0; i < still.tensors.size(); ++i) {
    const bool statistic = is_statistic(small.state.entries()[i]);
    EXPECT_EQ(still.tensors[i].defined(), small.x.tensors[i].defined() && !statistic);
  }
}

}  // namespace
}  // namespace basin
