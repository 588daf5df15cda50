// The engines on GPUs as an Evaluator sees them, on the emulator.
#include <gtest/gtest.h>

#include "cuda/grid/grid_engine.h"
#include "cuda/memory_pool.h"
#include "cuda/simt/allocations.h"
#include "cuda/simt/simt.h"
#include "data/preprocess.h"
#include "tests/cuda/grid_engine_case.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

std::vector<Point> line_of_points(std::size_t count) {
  std::vector<Point> points(count);
  for (std::size_t i = 0; i < count; ++i) points[i].alpha = 2e-3 * static_cast<double>(i);
  return points;
}

const std::vector<Point> kPoints = {{0, 0}, {0.3, -0.2}, {-0.5, 0.4}};

TEST(CudaGridEngine, ResidentAgreesWithTheCpu) {
  const EngineCase small("resnet8", 3, 2);
  const auto engine = small.on_device("auto"), exact = small.make("onednn", {});
  EXPECT_EQ(engine->engine(), "resident");
  EXPECT_EQ(engine->precision(), "fast (fp16)");
  const std::vector<PointResult> found = evaluate(*engine, kPoints), truth = evaluate(*exact, kPoints);
  for (std::size_t k = 0; k < kPoints.size(); ++k) {
    SCOPED_TRACE(k);
    expect_near(found[k].train, truth[k].train, 1e-3);
    expect_near(found[k].test, truth[k].test, 1e-3);
    EXPECT_EQ(found[k].train.accuracy, truth[k].train.accuracy);
  }
  EXPECT_TRUE(engine->notes().empty());
  // Alone, and by the graph of the second time, a point has the same bits.
  const PointResult alone = evaluate_point(*engine, kPoints[1]), again = evaluate_point(*engine, kPoints[1]);
  EXPECT_EQ(alone.train.loss, found[1].train.loss);
  EXPECT_EQ(again.train.loss, found[1].train.loss);
  EXPECT_EQ(again.test.loss_error, found[1].test.loss_error);
}

TEST(CudaGridEngine, OverflowIsEvaluatedAgain) {
  EngineCase small("resnet8", 2);
  Entry& stem = *small.net.state.find("bn1.weight");
  for (std::int64_t i = 0; i < stem.value.size(); ++i) stem.value.mutable_view().as<float>()[i] *= 3e4F;
  const auto engine = small.on_device("resident"), exact = small.make("onednn", {});
  const PointResult found = evaluate_point(*engine, {}), truth = evaluate_point(*exact, {});
  expect_near(found.train, truth.train, 2e-3);
  ASSERT_EQ(engine->notes().size(), 1u);
  EXPECT_EQ(engine->notes()[0],
            "1 points evaluated again in f16 with activations scaled by 2^-7: values were too large for f16");
}

TEST(CudaGridEngine, GivesTheLossesOfImages) {
  const EngineCase small("resnet8", 2);
  std::vector<float> pixels(static_cast<std::size_t>(2 * small.train.image_size()));
  normalize(small.train, small.set.normalization, 0, 2, pixels.data());
  GridWork work;
  work.plan = &small.net.plan;
  work.tensors = small.net.tensors();
  work.sets = {{pixels.data(), small.train.labels.data(), 2}};
  work.kernels = "resident";
  work.points = 2;
  work.image_losses = true;
  const auto engine = cuda_backend(0).grid_engine(work);
  ASSERT_EQ(engine->chunk(), 2);
  engine->start(std::vector<GridPoint>{{0, 0}, {0.3, -0.2}});
  engine->start(std::vector<GridPoint>{{0.3, -0.2}});
  expect_error([&] { engine->start(std::vector<GridPoint>{{}}); }, {"two chunks are under way"});
  const GridResults first = engine->finish(), second = engine->finish();
  ASSERT_EQ(first.image_losses.size(), 1u);
  ASSERT_EQ(first.image_losses[0].size(), 4u);
  const double mean = (static_cast<double>(first.image_losses[0][2]) + first.image_losses[0][3]) / 2;
  EXPECT_EQ(first.losses[1].mean, mean);
  EXPECT_EQ(second.losses[0].mean, mean);
  EXPECT_EQ(second.image_losses[0][1], first.image_losses[0][3]);
  expect_error([&] { engine->finish(); }, {"no chunk is under way"});
}

TEST(CudaGridEngine, StopsBetweenChunksAndLosesNothing) {
  const EngineCase small("resnet8", 1);
  const auto engine = small.make("resident", {&cuda_backend(0)}, 4);
  std::size_t given = 0;
  engine->evaluate(
      line_of_points(11), [&](std::size_t i, const PointResult&) { EXPECT_EQ(i, given++); }, [&] { return given > 0; });
  EXPECT_EQ(given, 8u);  // the second chunk was under way
}

TEST(CudaGridEngine, ErrorsOfTheCallerReachIt) {
  const EngineCase small("resnet8", 1);
  const auto engine = small.on_device("resident");
  int calls = 0;
  expect_error(
      [&] {
        engine->evaluate(
            kPoints,
            [&](std::size_t, const PointResult&) {
              ++calls;
              fail("the disk is full");
            },
            [] { return false; });
      },
      {"the disk is full"});
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(std::isfinite(evaluate_point(*engine, {}).train.loss)) << "the device is well";
}

class CudaGridDevices : public testing::Test {
 protected:
  void SetUp() override { simt::options().devices = 3; }
  void TearDown() override {
    simt::find_all_devices();
    simt::select_device(0);
    simt::options().devices = 1;
  }
};

TEST_F(CudaGridDevices, ShareThePointsAndChangeNoResult) {
  const EngineCase small("resnet8", 1, 1);
  const std::vector<Point> points = line_of_points(14);
  const auto alone = evaluate(*small.make("resident", {&cuda_backend(0)}), points);
  const auto shared = small.make("resident", {&cuda_backend(0), &cuda_backend(1), &cuda_backend(2)}, 3);
  const auto together = evaluate(*shared, points);
  for (std::size_t k = 0; k < points.size(); ++k) {
    EXPECT_EQ(together[k].train.loss, alone[k].train.loss) << k;
    EXPECT_EQ(together[k].test.loss, alone[k].test.loss) << k;
  }
}

TEST_F(CudaGridDevices, OneThatIsLostLeavesItsPointsToTheOthers) {
  const EngineCase small("resnet8", 1);
  const std::vector<Point> points = line_of_points(14);
  const auto alone = evaluate(*small.make("resident", {&cuda_backend(0)}), points);
  const auto shared = small.make("resident", {&cuda_backend(1), &cuda_backend(0)}, 3);
  simt::lose_device(1, 3);
  const auto found = evaluate(*shared, points);
  for (std::size_t k = 0; k < points.size(); ++k) EXPECT_EQ(found[k].train.loss, alone[k].train.loss) << k;
  ASSERT_EQ(shared->notes().size(), 1u);
  EXPECT_NE(shared->notes()[0].find("cuda:1 computes no more: "), std::string::npos) << shared->notes()[0];
  EXPECT_NE(shared->notes()[0].find("the device is lost"), std::string::npos);
  EXPECT_EQ(evaluate_point(*shared, points[5]).train.loss, alone[5].train.loss) << "the others go on";
}

TEST_F(CudaGridDevices, TheLastOneThatIsLostEndsTheRunAndKeepsWhatIsThere) {
  const EngineCase small("resnet8", 1);
  const auto engine = small.make("resident", {&cuda_backend(2)}, 4);
  simt::lose_device(2, 9);  // a chunk takes five: it is lost in the second
  std::size_t given = 0;
  expect_error(
      [&] {
        engine->evaluate(
            line_of_points(14), [&](std::size_t, const PointResult&) { ++given; }, [] { return false; });
      },
      {"cuda:2", "the device is lost"});
  EXPECT_EQ(given, 4u);
  simt::find_all_devices();
  expect_error([&] { evaluate_point(*engine, {}); }, {"engine resident: all devices are lost"});
}

TEST(CudaGridEngine, TakesFewerPointsAtOnceWhereMemoryIsShort) {
  const EngineCase small("resnet20", 1);
  const auto plenty = small.on_device("resident");
  const double loss = evaluate_point(*plenty, {0.1, 0}).train.loss;
  memory_pool().trim();
  const simt::Memory memory = simt::memory();
  simt::set_total_memory(memory.allocated_bytes + (24u << 20));  // weights of resnet20 at 64 points take 35 MB
  std::vector<float> pixels(static_cast<std::size_t>(small.train.image_size()));
  normalize(small.train, small.set.normalization, 0, 1, pixels.data());
  GridWork work;
  work.plan = &small.net.plan;
  work.tensors = small.net.tensors();
  work.sets = {{pixels.data(), small.train.labels.data(), 1}};
  work.kernels = "resident";
  {
    const auto engine = cuda_backend(0).grid_engine(work);
    EXPECT_LT(engine->chunk(), 64);
    EXPECT_GE(engine->chunk(), 1);
    engine->start(std::vector<GridPoint>{{0.1, 0}});
    EXPECT_EQ(engine->finish().losses[0].mean, loss);
  }
  simt::set_total_memory(simt::memory().allocated_bytes + (1u << 20));
  expect_error([&] { cuda_backend(0).grid_engine(work); }, {"cuda:0", "no memory for"});
  simt::set_total_memory(memory.total_bytes);
}

// Where there is memory for one engine alone, the one of the next attempt takes the place of the first.
TEST(CudaGridEngine, AnotherArithmeticTakesTheMemoryOfTheFirst) {
  EngineCase small("resnet8", 2);
  Entry& weight = *small.net.state.find("layer1.0.conv1.weight");  // too large for float16
  for (std::int64_t i = 0; i < weight.value.size(); ++i) weight.value.mutable_view().as<float>()[i] *= 1e7F;
  const double truth = evaluate_point(*small.make("onednn", {}), {}).train.loss;
  memory_pool().trim();
  const simt::Memory before = simt::memory();
  const auto engine = small.make("resident", {&cuda_backend(0)}, 3);
  simt::set_total_memory(simt::memory().allocated_bytes +
                         (simt::memory().allocated_bytes - before.allocated_bytes) / 2);
  const auto found = evaluate(*engine, {{0, 0}, {1e-3, 0}, {0, 1e-3}, {1e-3, 1e-3}, {0, 0}});
  simt::set_total_memory(before.total_bytes);
  EXPECT_NEAR(found[0].train.loss, truth, 2e-2 * truth);
  EXPECT_EQ(found[4].train.loss, found[0].train.loss);
  ASSERT_FALSE(engine->notes().empty());
  EXPECT_NE(engine->notes().back().find("5 points evaluated again in bf16"), std::string::npos)
      << engine->notes().back();
}

TEST(CudaGridEngine, RefusesWhatItDoesNotCompute) {
  const EngineCase small("resnet8", 1);
  expect_error([&] { small.on_device("onednn"); }, {"engine onednn: runs on the CPU, not on cuda:0"});
  expect_error([&] { small.make("resident", {}); }, {"engine resident: runs on GPUs"});
  const EvaluatorOptions exact{
      .engine = "resident", .precision = LandscapePrecision::exact, .devices = {&cuda_backend(0)}};
  expect_error([&] { make_evaluator(small.net.plane(), small.set, exact); }, {"engine resident", "not exact"});
}

}  // namespace
}  // namespace basin::cuda
