// The generic kernels of the grid engine: every kind of stage, in every arithmetic, through the Evaluator.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "cuda/cuda_backend.h"
#include "cuda/grid/generic/generic_layout.h"
#include "data/preprocess.h"
#include "models/plan.h"
#include "tests/expect_error.h"
#include "tests/landscape/forward_in_double.h"
#include "tests/landscape/network_edits.h"
#include "tests/landscape/small_networks.h"

namespace basin::cuda {
namespace {

std::unique_ptr<Evaluator> on_device(const SmallLandscape& small, LandscapePrecision precision) {
  return make_evaluator(small.plane(), small.set(),
                        {.engine = "generic", .precision = precision, .devices = {&cuda_backend(0)}});
}

// What a device is given of a landscape's training images.
struct Work {
  explicit Work(const SmallLandscape& small, DType arithmetic, std::int64_t points = 8)
      : plan(trace(small.model, small.state)),
        pixels(static_cast<std::size_t>(small.train.count * small.train.image_size())) {
    normalize(small.train, small.normalization, 0, small.train.count, pixels.data());
    const auto values = [](const Tensor& t) {
      return std::span<const float>(t.view().as<float>(), static_cast<std::size_t>(t.size()));
    };
    work.plan = &plan;
    for (std::size_t i = 0; i < small.state.entries().size(); ++i) {
      const Entry& entry = small.state.entries()[i];
      PlaneTensor& tensor = work.tensors.emplace_back();
      if (entry.role == Role::batches_tracked) continue;
      tensor.center = values(entry.value);
      if (small.x.tensors[i].defined()) tensor.x = values(small.x.tensors[i]);
      if (small.y.tensors[i].defined()) tensor.y = values(small.y.tensors[i]);
    }
    work.sets = {{pixels.data(), small.train.labels.data(), small.train.count}};
    work.arithmetic = arithmetic;
    work.points = points;
  }
  GridResults run(const std::vector<GridPoint>& points) const {
    const auto engine = cuda_backend(0).grid_engine(work);
    engine->start(points);
    return engine->finish();
  }
  Plan plan;
  std::vector<float> pixels;
  GridWork work;
};

class CudaGridGeneric : public testing::TestWithParam<Model> {};
std::string network_name(const testing::TestParamInfo<Model>& info) { return info.param.name; }
bool reads_images_by_contractions(const Model& model) { return !model.name.starts_with("images_as"); }
std::vector<Model> networks() {
  std::vector<Model> list = small_networks();
  std::erase_if(list, [](const Model& model) { return !reads_images_by_contractions(model); });
  return list;
}
INSTANTIATE_TEST_SUITE_P(Small, CudaGridGeneric, testing::ValuesIn(networks()), network_name);

TEST_P(CudaGridGeneric, IsNearFloat64) {
  SmallLandscape small(GetParam(), 2, 1);
  enlarge_logits(small);
  const Point at{0.25, -0.15};
  const double truth = loss_in_double(small, small.train, at);
  for (const auto& [type, tolerance] : {std::pair{DType::f32, 2e-6}, {DType::f16, 1e-3}, {DType::bf16, 1e-2}}) {
    const GridLosses found = Work(small, type).run({{at.alpha, at.beta}}).losses[0];
    EXPECT_LE(std::abs(found.mean - truth), tolerance * truth) << name_of(type) << " " << found.mean << " " << truth;
    EXPECT_TRUE(found.trusted) << name_of(type);
    RecordProperty(std::string(name_of(type)), std::to_string(std::abs(found.mean - truth) / truth));
  }
}

TEST_P(CudaGridGeneric, AScaleOfTheActivationsChangesRoundingAlone) {
  SmallLandscape small(GetParam(), 1, 1);
  enlarge_logits(small);
  const GridResults found = Work(small, DType::f32).run({{0.1, 0.2, 0}, {0.1, 0.2, 5}, {0.1, 0.2, -3}});
  for (const std::size_t k : {1, 2}) EXPECT_EQ(found.losses[k].mean, found.losses[0].mean) << k;
}

SmallLandscape& landscape_of(const std::string& name, std::int64_t images) {
  static std::map<std::pair<std::string, std::int64_t>, SmallLandscape> made;
  const auto key = std::pair{name, images};
  if (const auto found = made.find(key); found != made.end()) return found->second;
  for (const Model& model : small_networks())
    if (model.name == name) {
      SmallLandscape& small = made.try_emplace(key, model, images, 2).first->second;
      enlarge_logits(small);
      return small;
    }
  fail("no network ", name);
}

TEST(CudaGridGenericEngine, AgreesWithTheCpuOnBothSets) {
  const SmallLandscape& small = landscape_of("bottlenecks", 3);
  const std::vector<Point> points = {{0, 0}, {0.2, 0.1}};
  const auto truth = evaluate_points(*make_evaluator(small.plane(), small.set(), {.engine = "onednn"}), points);
  for (const auto& [precision, tolerance] :
       {std::pair{LandscapePrecision::exact, 1e-5}, {LandscapePrecision::fast, 3e-3}}) {
    const auto engine = on_device(small, precision);
    EXPECT_EQ(engine->precision(), precision == LandscapePrecision::exact ? "exact (3xtf32)" : "fast (fp16)");
    const auto found = evaluate_points(*engine, points);
    for (std::size_t k = 0; k < points.size(); ++k)
      for (const auto& part : {&PointResult::train, &PointResult::test}) {
        const Measurement &a = found[k].*part, &b = truth[k].*part;
        EXPECT_NEAR(a.loss, b.loss, tolerance * b.loss);
        EXPECT_NEAR(a.loss_error, b.loss_error, 20 * tolerance * b.loss);
        if (precision == LandscapePrecision::exact) {
          EXPECT_EQ(a.accuracy, b.accuracy);
        }
      }
  }
}

// Neither the points beside it nor the images beside them change the bits of an image's loss.
TEST(CudaGridGenericEngine, APointIsTheSameInEveryChunk) {
  const SmallLandscape& small = landscape_of("dense", 3);
  Work work(small, DType::f16);
  work.work.image_losses = true;
  const std::vector<GridPoint> points = {{0, 0}, {0.3, -0.2}, {-0.1, 0.2}};
  const GridResults together = work.run(points);
  for (std::size_t k = 0; k < points.size(); ++k) {
    const GridResults alone = work.run({points[k]});
    EXPECT_EQ(alone.losses[0].mean, together.losses[k].mean);
    EXPECT_EQ(alone.losses[0].squared_deviations, together.losses[k].squared_deviations);
  }
  work.work.sets[0].count = 2;
  const GridResults fewer = work.run(points);
  for (std::size_t k = 0; k < points.size(); ++k)
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_EQ(fewer.image_losses[0][2 * k + i], together.image_losses[0][3 * k + i]) << k << " " << i;
}

TEST(CudaGridGenericEngine, BlocksOfImagesAndPointsChangeNothing) {
  const SmallLandscape& small = landscape_of("narrow_16x16x1", 5);
  Work work(small, DType::f32);
  work.work.image_losses = true;
  const std::vector<GridPoint> points = {{0.1, 0.1}, {0, 0.2}, {0.3, 0}};
  const GridResults all = work.run(points);
  constexpr std::int64_t kImage = 3 * 16 * 16 * 16 * 4;  // three buffers of activations
  for (const std::int64_t images : {1, 2, 12}) {         // 12: two points of all images
    work.work.activation_bytes = images * kImage;
    const GridResults found = work.run(points);
    EXPECT_EQ(found.image_losses, all.image_losses) << images;
    for (std::size_t k = 0; k < points.size(); ++k) EXPECT_EQ(found.losses[k].mean, all.losses[k].mean) << images;
  }
}

TEST(CudaGridGenericEngine, OverflowIsFlaggedAndEvaluatedAgain) {
  SmallLandscape small(small_networks()[3], 2, 1);
  enlarge_logits(small);
  for (Entry& entry : small.state.entries())
    if (entry.name == "stem.bn.weight" || entry.name == "stem.bn.bias")
      for (float& value : values_of(entry)) value *= 3e4F;
  EXPECT_FALSE(Work(small, DType::f16).run({{}}).losses[0].trusted);
  EXPECT_TRUE(Work(small, DType::f16).run({{0, 0, 7}}).losses[0].trusted);
  EXPECT_TRUE(Work(small, DType::bf16).run({{}}).losses[0].trusted);
  const auto engine = on_device(small, LandscapePrecision::fast);
  const double found = evaluate_point(*engine, {}).train.loss, truth = loss_in_double(small, small.train, {});
  EXPECT_NEAR(found, truth, 5e-3 * truth);
  EXPECT_EQ(engine->notes().size(), 1u);
}

// Batch norms behind contractions with and without residual, of odd numbers of channels, before contractions, and none.
TEST(CudaGridGenericEngine, RecomputesStatisticsAsTheCpuDoes) {
  for (const std::string name : {"bottlenecks", "padded", "dense", "pooled"}) {
    const SmallLandscape& small = landscape_of(name, 3);
    EvaluationSet set = small.set();
    set.statistics = BatchStatistics::recomputed;
    set.statistics_batch = 2;
    const std::vector<Point> points = {{0, 0}, {0.3, -0.2}};
    const auto truth = evaluate_points(*make_evaluator(small.plane(), set, {.engine = "autograd"}), points);
    for (const auto& [precision, tolerance] :
         {std::pair{LandscapePrecision::exact, 1e-5}, {LandscapePrecision::fast, 1e-3}}) {
      const auto engine =
          make_evaluator(small.plane(), set, {.precision = precision, .devices = {&cuda_backend(0)}, .chunk = 2});
      EXPECT_EQ(engine->engine(), "generic");
      const auto found = evaluate_points(*engine, points), again = evaluate_points(*engine, points);  // by a graph
      for (std::size_t k = 0; k < points.size(); ++k) {
        SCOPED_TRACE(name + " " + engine->precision() + " " + std::to_string(k));
        EXPECT_NEAR(found[k].train.loss, truth[k].train.loss, tolerance * truth[k].train.loss);
        EXPECT_NEAR(found[k].test.loss, truth[k].test.loss, tolerance * truth[k].test.loss);
        EXPECT_EQ(again[k].train.loss, found[k].train.loss);
      }
    }
  }
}

// The statistics undo a factor of the weights, but in float16 what they are estimated from overflows.
TEST(CudaGridGenericEngine, OverflowWhileStatisticsAreRecomputedIsFlagged) {
  SmallLandscape small(small_networks()[3], 3, 1);
  enlarge_logits(small);
  for (Entry& entry : small.state.entries())
    if (entry.name == "stem.conv.weight")
      for (float& value : values_of(entry)) value *= 2e4F;
  EvaluationSet set = small.set();
  set.test = nullptr;
  set.statistics = BatchStatistics::recomputed;
  set.statistics_batch = 2;
  const double truth = evaluate_point(*make_evaluator(small.plane(), set, {.engine = "autograd"}), {}).train.loss;
  for (const auto& [type, trusted] : {std::pair{DType::f16, false}, {DType::bf16, true}, {DType::f32, true}}) {
    Work work(small, type);
    work.work.statistics = set.statistics;
    work.work.statistics_batch = set.statistics_batch;
    const GridLosses found = work.run({{}}).losses[0];
    EXPECT_EQ(found.trusted, trusted) << name_of(type);
    if (type == DType::f32) {
      EXPECT_NEAR(found.mean, truth, 1e-5 * truth);
    }
  }
  const auto engine =
      make_evaluator(small.plane(), set, {.precision = LandscapePrecision::fast, .devices = {&cuda_backend(0)}});
  EXPECT_NEAR(evaluate_point(*engine, {}).train.loss, truth, 5e-3 * truth);  // in bfloat16
  EXPECT_EQ(engine->notes().size(), 1u);
}

// A chunk of many launches would be a graph of as many nodes.
TEST(CudaGridGenericEngine, ChunksHaveABoundedNumberOfLaunches) {
  const SmallLandscape& small = landscape_of("narrow_16x16x1", 5);
  Work work(small, DType::f32, 500);
  work.work.activation_bytes = 1;  // a point and an image at a time: 7 launches each
  const auto engine = cuda_backend(0).grid_engine(work.work);
  EXPECT_GT(engine->chunk(), 50);
  EXPECT_LE(engine->chunk() * 5 * 7, 8192);
}

TEST(CudaGridGenericEngine, RecomputedStatisticsTakeNoScale) {
  Work work(landscape_of("narrow_16x16x1", 2), DType::f32);
  work.work.statistics = BatchStatistics::recomputed;
  expect_error([&] { work.run({{0, 0, 5}}); }, {"recomputed statistics undo a scale"});
}

TEST(CudaGridGenericEngine, TakesEveryModelOfTheRegistry) {
  for (const std::string& name : model_names()) {
    const Model model = find_model(name);
    const State state = initialize(model, 1, cpu_backend());
    const Plan plan = trace(model, state);
    std::vector<PlaneTensor> tensors;
    std::int64_t values = 0;
    for (const Entry& entry : state.entries()) {
      const bool counts = entry.role == Role::batches_tracked;
      tensors.push_back(
          {.center = counts ? std::span<const float>()
                            : std::span(entry.value.view().as<float>(), static_cast<std::size_t>(entry.value.size())),
           .x = {},
           .y = {}});
      if (entry.role == Role::weight) values += entry.value.size();
    }
    const GenericLayout layout = generic_layout(plan, tensors, DType::f16);
    std::int64_t placed = 0;
    for (const BlobWeight& weight : layout.weights) placed += weight.channel >= 0;
    EXPECT_EQ(placed, values) << name;
    EXPECT_EQ(layout.image_channels, 8);
  }
}

TEST(CudaGridGenericEngine, RefusesWhatItCannotRun) {
  for (const Model& model : small_networks()) {
    if (reads_images_by_contractions(model)) continue;
    const SmallLandscape small(model, 1, 1);
    expect_error([&] { on_device(small, LandscapePrecision::fast); }, {"generic engine", model.name, "its image"});
  }
}

}  // namespace
}  // namespace basin::cuda
