// The grid engine's kernels on the device, as a surface uses them, against the CPU.
#include <gtest/gtest.h>

#include "tests/cuda/grid_engine_case.h"
#include "tests/cuda/rounded_network.h"
#include "tests/gpu/device.h"

namespace basin::gpu {
namespace {

using cuda::EngineCase;
using cuda::GridNetwork;

// Numbers of images that fill no block of three.
std::int64_t some_images() { return small_shapes() ? 2 : 500; }
std::string narrow_network() { return small_shapes() ? "resnet8" : "resnet56"; }

// The results of points in chunks of at most `at_once`.
std::vector<GridLosses> run(const EngineCase& subject, const std::string& kernels, DType arithmetic,
                            const std::vector<GridPoint>& points, std::int64_t at_once) {
  std::vector<float> pixels(static_cast<std::size_t>(subject.train.count * subject.train.image_size()));
  normalize(subject.train, subject.set.normalization, 0, subject.train.count, pixels.data());
  GridWork work;
  work.plan = &subject.net.plan;
  work.tensors = subject.net.tensors();
  work.sets = {{pixels.data(), subject.train.labels.data(), subject.train.count}};
  work.kernels = kernels;
  work.arithmetic = arithmetic;
  work.points = at_once;
  const auto engine = device().grid_engine(work);
  std::vector<GridLosses> losses;
  for (std::size_t first = 0; first < points.size(); first += static_cast<std::size_t>(engine->chunk())) {
    const std::size_t count = std::min(static_cast<std::size_t>(engine->chunk()), points.size() - first);
    engine->start(std::span(points).subspan(first, count));
    const GridResults results = engine->finish();
    losses.insert(losses.end(), results.losses.begin(), results.losses.end());
  }
  return losses;
}

const std::vector<Point> kPoints = {{0, 0}, {0.2, -0.1}, {-0.3, 0.3}};

void expect_like_the_cpu(const EngineCase& subject, const std::string& engine, LandscapePrecision precision,
                         double tolerance) {
  const auto found = make_evaluator(subject.net.plane(), subject.set,
                                    {.engine = engine, .precision = precision, .devices = {&device()}});
  const auto exact = make_evaluator(subject.net.plane(), subject.set, {.engine = "onednn"});
  const auto on_device = cuda::evaluate(*found, kPoints), on_cpu = cuda::evaluate(*exact, kPoints);
  for (std::size_t k = 0; k < kPoints.size(); ++k) {
    SCOPED_TRACE(subject.net.model.name + " " + found->precision() + " point " + std::to_string(k));
    cuda::expect_near(on_device[k].train, on_cpu[k].train, tolerance);
  }
}

TEST(GpuGrid, ResidentAgreesWithTheCpu) {
  expect_like_the_cpu(EngineCase(narrow_network(), some_images()), "resident", LandscapePrecision::fast, 2e-3);
  expect_like_the_cpu(EngineCase(small_shapes() ? "resnet8-noshort" : "resnet20-noshort", some_images()), "resident",
                      LandscapePrecision::fast, 2e-3);
}

TEST(GpuGrid, GenericAgreesWithTheCpu) {
  const auto networks = small_shapes()
                            ? std::vector<std::string>{"resnet8"}
                            : std::vector<std::string>{"resnet20", "vgg9", "vgg11-bn", "wrn56-2", "densenet121"};
  for (const std::string& name : networks) {
    const EngineCase subject(name, std::min<std::int64_t>(some_images(), 100));
    expect_like_the_cpu(subject, "generic", LandscapePrecision::exact, 3e-5);
    expect_like_the_cpu(subject, "generic", LandscapePrecision::fast, 3e-3);
  }
}

TEST(GpuGrid, RecomputesStatisticsAsTheCpuDoes) {
  EngineCase subject(small_shapes() ? "resnet8" : "resnet20", small_shapes() ? 3 : 100);
  subject.set.statistics = BatchStatistics::recomputed;
  subject.set.statistics_batch = small_shapes() ? 2 : 32;
  const auto exact = make_evaluator(subject.net.plane(), subject.set, {.engine = "autograd"});
  const PointResult truth = evaluate_point(*exact, kPoints[1]);
  for (const auto& [precision, tolerance] :
       {std::pair{LandscapePrecision::exact, 1e-4}, {LandscapePrecision::fast, 1e-2}}) {
    const auto engine =
        make_evaluator(subject.net.plane(), subject.set, {.precision = precision, .devices = {&device()}});
    for (int turn = 0; turn < 2; ++turn)  // launch by launch, then by a graph
      EXPECT_NEAR(evaluate_point(*engine, kPoints[1]).train.loss, truth.train.loss, tolerance * truth.train.loss);
  }
}

template <class T>
void expect_exact_integers(const EngineCase& subject) {
  const GridPoint at{2, 0};
  const GridLosses found = run(subject, "resident", dtype_of<T>, {at}, 1).front();
  const cuda::RoundedNetwork<T> reference(subject.net, {at.alpha, at.beta});
  std::vector<float> pixels(static_cast<std::size_t>(subject.train.image_size()));
  normalize(subject.train, subject.set.normalization, 0, 1, pixels.data());
  const std::vector<double> exact = reference.logits(pixels.data());
  const std::vector<float> logits(exact.begin(), exact.end());
  const double loss = image_loss(logits, subject.train.labels[0], Objective::cross_entropy).loss;
  EXPECT_GT(loss, 0.1);
  EXPECT_NEAR(found.mean, loss, 1e-6 * loss) << name_of(dtype_of<T>);
  EXPECT_TRUE(found.trusted);
}

// Weights and pixels are integers: all sums are exact in any order, and every rounding is known.
TEST(GpuGrid, IntegersAreExact) {
  EngineCase subject(small_shapes() ? "resnet8" : "resnet20", 1);
  subject.net = cuda::integer_network(subject.net.model.name);
  subject.set.normalization = {.mean = {0, 0, 0}, .deviation = {1.0F / 255, 1.0F / 255, 1.0F / 255}};
  for (std::uint8_t& pixel : subject.train.pixels) pixel = static_cast<std::uint8_t>(pixel % 3);
  expect_exact_integers<float16>(subject);
  expect_exact_integers<bfloat16>(subject);
}

TEST(GpuGrid, APointIsTheSameInEveryChunkAndEveryRun) {
  const EngineCase subject(narrow_network(), some_images() + 1);
  const std::vector<GridPoint> points = {{0, 0}, {0.1, 0.2}, {0.3, -0.1}, {0, 0.4}, {-0.2, 0}};
  const std::vector<GridLosses> first = run(subject, "resident", DType::f16, points, 5);
  for (const std::int64_t at_once : {5, 2}) {
    const std::vector<GridLosses> other = run(subject, "resident", DType::f16, points, at_once);
    for (std::size_t k = 0; k < points.size(); ++k) {
      EXPECT_EQ(other[k].mean, first[k].mean) << k;
      EXPECT_EQ(other[k].squared_deviations, first[k].squared_deviations) << k;
      EXPECT_EQ(other[k].correct, first[k].correct) << k;
    }
  }
}

TEST(GpuGrid, AScaleOfTheActivationsChangesRoundingAlone) {
  const EngineCase subject(narrow_network(), some_images());
  for (const DType type : {DType::f16, DType::bf16}) {
    const std::vector<GridLosses> found = run(subject, "resident", type, {{0.1, 0.1, 0}, {0.1, 0.1, 3}}, 2);
    EXPECT_NEAR(found[1].mean, found[0].mean, 2e-3 * found[0].mean) << name_of(type);
    EXPECT_TRUE(found[1].trusted);
  }
}

TEST(GpuGrid, OverflowIsEvaluatedAgain) {
  EngineCase subject(small_shapes() ? "resnet8" : "resnet20", 2);
  Entry& stem = *subject.net.state.find("bn1.weight");
  for (std::int64_t i = 0; i < stem.value.size(); ++i) stem.value.mutable_view().as<float>()[i] *= 3e4F;
  const auto engine = make_evaluator(subject.net.plane(), subject.set, {.engine = "resident", .devices = {&device()}});
  const auto exact = make_evaluator(subject.net.plane(), subject.set, {.engine = "onednn"});
  const PointResult found = evaluate_point(*engine, {}), truth = evaluate_point(*exact, {});
  EXPECT_NEAR(found.train.loss, truth.train.loss, 5e-3 * truth.train.loss);
  EXPECT_FALSE(engine->notes().empty());
}

}  // namespace
}  // namespace basin::gpu
